"""The inference service: loads published versions and answers predictions over gRPC.

server.py              builds everything, once, and drains it at the end
model_manager.py       watches the model directory; policy.py decides, version.py is what is loaded
predictor.py           conformity.py checks the inputs, batcher.py runs them together with others
prediction_service.py  model_service.py   the wire of TensorFlow Serving
interceptors.py        request ids, errors, metrics: what all calls have in common
"""
