"""The registry of reasons: every word that an error or the end of a job can carry, what it means and how to mend it.

A reason is a promise to programs: it is never renamed and never given another meaning. `docs/reference/errors.md` and the pages that the
jobs API serves at `/errors` are made from this table; a test walks the source, and a reason that is raised and not listed here fails it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from modelyard.errors import Code

PAGES = "/errors"
"""Where the jobs API serves a page per reason. The `type` of a problem is such a path, so it is the same in every installation."""


class Area(StrEnum):
    """Who answers with it."""

    ANYWHERE = "Anywhere"
    JOBS = "Jobs and requests"
    DATASETS = "Datasets"
    MODELS = "Models and versions"
    PREDICTIONS = "Predictions"
    VERSION = "Why a version is not loaded"
    JOB = "How a job ends"
    CLIENT = "In the client, before or after the wire"
    MACHINE = "Services on this machine"


@dataclass(frozen=True)
class Reason:
    name: str
    area: Area
    codes: tuple[Code, ...]
    """The canonical codes it comes with. Empty: it is no answer to a call, but is found in a record."""
    meaning: str
    """What happened: one sentence."""
    mending: str
    """What to do about it: one sentence."""

    @property
    def type(self) -> str:
        """The `type` of its problem body: a reference that leads to its page in the same service."""
        return f"{PAGES}/{self.name}"


def of(name: str) -> Reason | None:
    """What is known of a reason; None for a word of a newer or another service."""
    return REASONS.get(name)


def type_of(name: str) -> str:
    return f"{PAGES}/{name}"


def _reasons(area: Area, *rows: tuple[str, tuple[Code, ...], str, str]) -> tuple[Reason, ...]:
    return tuple(
        Reason(name, area, codes, meaning, mending) for name, codes, meaning, mending in rows
    )


_INVALID = (Code.INVALID_ARGUMENT,)
_MISSING = (Code.NOT_FOUND,)
_EXISTS = (Code.ALREADY_EXISTS,)
_CONFLICT = (Code.ABORTED,)
_STATE = (Code.FAILED_PRECONDITION,)
_FULL = (Code.RESOURCE_EXHAUSTED,)
_AWAY = (Code.UNAVAILABLE,)
_LATE = (Code.DEADLINE_EXCEEDED,)
_LEFT = (Code.CANCELLED,)
_UNKNOWN = (Code.UNIMPLEMENTED,)
_DEFECT = (Code.INTERNAL,)

_ANYWHERE = _reasons(
    Area.ANYWHERE,
    (
        "INVALID_REQUEST",
        _INVALID,
        "Something in the request cannot be right, whatever the state of the system.",
        "Each violation names a field, what was expected and what came; mend those and send it again.",
    ),
    (
        "NOT_FOUND",
        _MISSING,
        "What was named does not exist.",
        "Look at the list it should be in; names are case-sensitive.",
    ),
    (
        "ALREADY_EXISTS",
        _EXISTS,
        "Something of that name exists already.",
        "Choose another name, or use what is there.",
    ),
    (
        "CONFLICT",
        _CONFLICT,
        "Somebody else changed the same thing first.",
        "Read it again, and repeat the change if it is still wanted.",
    ),
    (
        "FAILED_PRECONDITION",
        _STATE,
        "The system is not in the state that the call needs.",
        "The message says which state it is in; repeating the call alone does not help.",
    ),
    (
        "PERMISSION_DENIED",
        (Code.PERMISSION_DENIED,),
        "The service, or a proxy in front of it, does not allow this call.",
        "Ask whoever runs the service; the request id is in its log.",
    ),
    (
        "RESOURCE_EXHAUSTED",
        _FULL,
        "A bound was reached.",
        "Try again after the time that the answer names, or ask for less at once.",
    ),
    (
        "UNAVAILABLE",
        _AWAY,
        "The service, or what it depends on, does not answer at the moment.",
        "Try again a little later; `modelyard status` shows which service is away.",
    ),
    (
        "DEADLINE_EXCEEDED",
        _LATE,
        "The time that the caller gave was over before the answer was there.",
        "Give more time, or send less at once.",
    ),
    ("CANCELLED", _LEFT, "The caller ended the call.", "Nothing has to be mended."),
    (
        "UNIMPLEMENTED",
        _UNKNOWN,
        "The service does not know this call.",
        "Ask reflection, or `/openapi.json`, for the calls that there are.",
    ),
    (
        "INTERNAL",
        _DEFECT,
        "A defect of the service, or of a trainer.",
        "The log of the service has the details under the request's id; please report it with them.",
    ),
)

_JOBS = _reasons(
    Area.JOBS,
    (
        "JOB_NOT_FOUND",
        _MISSING,
        "There is no job of this id.",
        "`modelyard jobs list` shows the ids; a job's name is not its id.",
    ),
    (
        "IDEMPOTENCY_KEY_REUSED",
        _EXISTS,
        "The idempotency key came before, with another request.",
        "Use a new key for a new request; the same key is for repeating the same one.",
    ),
    (
        "TOO_MANY_JOBS",
        _FULL,
        "As many jobs are open as the service takes.",
        "Wait until some have ended, cancel some, or raise `MODELYARD_MAX_OPEN_JOBS`.",
    ),
    (
        "TOO_MANY_WATCHERS",
        _FULL,
        "As many watchers are connected as the API serves.",
        "Try again after the time that the answer names; `GET /v1/jobs/{id}` tells the state without watching.",
    ),
    (
        "NO_SUCH_PATH",
        _MISSING,
        "The API has nothing at this path.",
        "`/docs` of the jobs API lists the paths.",
    ),
    (
        "METHOD_NOT_ALLOWED",
        _INVALID,
        "The path exists, and does not take this method.",
        "The header `Allow` of the answer names the methods that it takes.",
    ),
    (
        "REQUEST_TOO_LARGE",
        _INVALID,
        "The body is larger than the API reads.",
        "Send data as a dataset, whose limit is a larger one, or raise `MODELYARD_MAX_BODY_BYTES`.",
    ),
    (
        "BODY_TIMEOUT",
        _LATE,
        "The body of the request came too slowly.",
        "Send it again over a faster connection; data goes as a dataset, whose upload can be resumed.",
    ),
    (
        "HOST_NOT_ALLOWED",
        _INVALID,
        "The request came under a name, or from a web page of a name, that is not the service's own.",
        "Call it by its address or a name it knows, or add the name to `MODELYARD_ALLOWED_HOSTS`.",
    ),
)

_DATASETS = _reasons(
    Area.DATASETS,
    (
        "DATASET_NOT_FOUND",
        (Code.NOT_FOUND, Code.INVALID_ARGUMENT),
        "No dataset of this digest or name is stored.",
        "Upload it again (the same bytes get the same digest); `builtin://` names are listed by `GET /v1/datasets/builtin`.",
    ),
    (
        "BAD_DATA",
        _INVALID,
        "The dataset does not hold what the request says of it.",
        "Each violation names a file and a row, or a column; mend the data, or what the request says of it.",
    ),
    (
        "UNSAFE_ARCHIVE",
        _INVALID,
        "An archive holds a member that could write outside of it, hides data, or is a link or a device.",
        "Pack plain files and folders under relative names of their own.",
    ),
    (
        "UNPACKS_TO_TOO_MUCH",
        _INVALID,
        "An archive or a compressed file holds far more than its size says.",
        "Upload fewer or smaller files; the message names the bound.",
    ),
    (
        "UNKNOWN_FORMAT",
        _INVALID,
        "The format of a dataset cannot be told, or is not known.",
        "Name it: `?type=csv`, or one of those that the message lists.",
    ),
    (
        "EMPTY_DATASET",
        _INVALID,
        "The upload has no bytes.",
        "Look at the file; `curl --data-binary @FILE` sends it, `-d` would not.",
    ),
    (
        "DATASET_TOO_LARGE",
        _FULL,
        "The upload is larger than the service stores.",
        "Send less, or raise `MODELYARD_MAX_DATASET_BYTES`.",
    ),
    (
        "DIGEST_MISMATCH",
        _INVALID,
        "The bytes that came are not those of the digest that was announced.",
        "Send the file again; if it happens twice, it changes while it is read.",
    ),
    (
        "NO_SPACE",
        _FULL,
        "The disk of the datasets is as full as it may be.",
        "Delete datasets that nothing uses, or give the disk more room.",
    ),
    (
        "IN_USE",
        _STATE,
        "An open job, a version or an alias names it, so it stays.",
        "The message names the users; end or delete those first.",
    ),
    (
        "UPLOAD_NOT_FOUND",
        _MISSING,
        "There is no such upload: it never began, was given up, or is too old.",
        "Begin a new one with `POST /v1/uploads`.",
    ),
    (
        "UPLOAD_BUSY",
        _CONFLICT,
        "Another call is writing to this upload.",
        "Wait for it, then ask for the offset and go on from there.",
    ),
    (
        "OFFSET_MISMATCH",
        _CONFLICT,
        "The piece does not begin where the upload ends.",
        "Go on at the offset that the answer names; `HEAD` of the upload tells it too.",
    ),
    (
        "UPLOAD_OVERRUN",
        _INVALID,
        "More bytes came than were announced.",
        "Announce the size of the file as it is, and see that it does not grow.",
    ),
    (
        "UPLOAD_STALLED",
        _INVALID,
        "Nothing came for a while, so the call was ended.",
        "Send it again; a resumable upload goes on where it stopped.",
    ),
    (
        "CLIENT_LEFT",
        _LEFT,
        "The caller left while the upload was read.",
        "A resumable upload goes on where it stopped.",
    ),
    (
        "TOO_MANY_UPLOADS",
        _FULL,
        "As many uploads are under way as the service takes.",
        "Try again after the time that the answer names, or raise `MODELYARD_MAX_UPLOADS`.",
    ),
)

_MODELS = _reasons(
    Area.MODELS,
    (
        "MODEL_NOT_FOUND",
        (Code.NOT_FOUND, Code.INVALID_ARGUMENT),
        "There is no model of this name, or none that is loaded.",
        "`modelyard models list` shows what is published, `modelyard status` what is loaded.",
    ),
    (
        "VERSION_NOT_FOUND",
        _MISSING,
        "The model has no such version, or has it no longer.",
        "`modelyard models get NAME` shows its versions; only the newest and those with an alias are loaded.",
    ),
    (
        "VERSION_HAS_ALIAS",
        _STATE,
        "An alias names the version, so it stays.",
        "Move the alias to another version, or delete it, then delete the version.",
    ),
    (
        "ALIAS_NOT_FOUND",
        _MISSING,
        "The model has no such alias.",
        "`modelyard models get NAME` shows its aliases; `PUT /v1/models/{name}/aliases/{alias}` makes one.",
    ),
)

_PREDICTIONS = _reasons(
    Area.PREDICTIONS,
    (
        "MALFORMED_REQUEST",
        _INVALID,
        "The bytes are not the message that this call takes, or hold text that is not UTF-8.",
        "Generate the client from the protos or from reflection; send bytes that are no text in a `bytes` field.",
    ),
    (
        "MODEL_SPEC_MISSING",
        _INVALID,
        "A call of TensorFlow Serving's API came without `model_spec`.",
        "Set `model_spec.name`.",
    ),
    ("MODEL_NAME_MISSING", _INVALID, "The call names no model.", "Set the model's name."),
    (
        "UNKNOWN_ALIAS",
        _INVALID,
        "The model has no such alias on this replica.",
        "Name an alias that `modelyard models get NAME` shows; a new one is known within a second or two.",
    ),
    (
        "VERSION_QUARANTINED",
        (Code.NOT_FOUND, Code.UNAVAILABLE),
        "The version is published, and could not be loaded here.",
        "The message says why; publish a new version, or mend the files and touch its folder.",
    ),
    (
        "LOADING",
        _AWAY,
        "The version is being loaded, warmed and tested.",
        "Try again after the time that the answer names.",
    ),
    (
        "UNLOADING",
        _AWAY,
        "The version was replaced while the call came in.",
        "Try again: the newer version answers.",
    ),
    (
        "NO_MANIFEST",
        _STATE,
        "The model was not trained here, so that its classes and columns are not known.",
        "Ask it by `tensorflow.serving.PredictionService/Predict`, with its signature's inputs.",
    ),
    (
        "WRONG_TASK",
        _STATE,
        "The model was trained for another task than the one that the call asks for.",
        "Use the service of the model's task; `modelyard models get NAME` shows it.",
    ),
    (
        "SIGNATURE_NOT_FOUND",
        (Code.FAILED_PRECONDITION, Code.INVALID_ARGUMENT),
        "The version has no signature of this name.",
        "The message lists its signatures; `GetModelMetadata` describes them.",
    ),
    (
        "INPUT_NAMES",
        _INVALID,
        "Inputs of the signature are missing, or there are others.",
        "Send exactly the inputs that `GetModelMetadata` shows.",
    ),
    (
        "INPUT_MISMATCH",
        _INVALID,
        "An input has a shape or a type that the signature does not take.",
        "Each violation names the input, what is expected and what came.",
    ),
    (
        "RAGGED_BATCH",
        _INVALID,
        "The inputs hold different numbers of examples.",
        "Give every input the same first dimension.",
    ),
    (
        "MALFORMED_TENSOR",
        _INVALID,
        "A tensor contradicts itself: its shape, its type and its values do not fit.",
        "Give as many values as the shape says, in the field of its type or in `tensor_content`.",
    ),
    (
        "UNKNOWN_OUTPUT",
        _INVALID,
        "`output_filter` names what is no output of the signature.",
        "The message lists the outputs.",
    ),
    (
        "DUPLICATE_OUTPUT",
        _INVALID,
        "`output_filter` names an output twice.",
        "Name each output once.",
    ),
    (
        "METADATA_FIELD_MISSING",
        _INVALID,
        "`GetModelMetadata` was asked for nothing.",
        "Ask for `signature_def`.",
    ),
    (
        "METADATA_FIELD_UNKNOWN",
        _INVALID,
        "`GetModelMetadata` was asked for a field that it does not have.",
        "Ask for `signature_def`.",
    ),
    (
        "NO_JSON_FORM",
        _UNKNOWN,
        "The REST API has no form for tensors of this type.",
        "Ask over gRPC, which carries every type.",
    ),
    (
        "NO_LENGTH",
        (Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED),
        "The REST request does not say how long its body is, or says it in two ways.",
        "Send one `Content-Length`, and no `Transfer-Encoding`.",
    ),
    (
        "NO_DATATYPE",
        _UNKNOWN,
        "The Open Inference Protocol has no datatype for this tensor.",
        "Ask by TensorFlow Serving's protocol, which carries every type.",
    ),
    (
        "UNSERVED_PARAMETER",
        (Code.UNIMPLEMENTED, Code.INVALID_ARGUMENT),
        "The request asks for an extension of the Open Inference Protocol that is not served.",
        "Leave the parameter out; the server's metadata lists the extensions that are served.",
    ),
    (
        "EMPTY_INPUT",
        _INVALID,
        "The call brought no example.",
        "Send at least one `tf.Example` or instance.",
    ),
    (
        "UNFIT_SIGNATURE",
        _INVALID,
        "The signature does not answer what `Classify` or `Regress` is made of.",
        "`Classify` needs an output `classes` or `scores`, `Regress` one of the name `outputs`; `Predict` answers any.",
    ),
    (
        "SEVERAL_MODELS",
        _INVALID,
        "`MultiInference` was asked for several models at once.",
        "Make a call for each model.",
    ),
    (
        "DUPLICATE_SIGNATURE",
        _INVALID,
        "`MultiInference` was asked for a signature twice.",
        "Name each signature once.",
    ),
    (
        "UNSUPPORTED_METHOD",
        _UNKNOWN,
        "`MultiInference` was asked for a method that is neither classification nor regression.",
        "Use `tensorflow/serving/classify` or `tensorflow/serving/regress`; `Predict` answers any signature.",
    ),
    (
        "RELOAD_DISABLED",
        (Code.FAILED_PRECONDITION, Code.UNAVAILABLE),
        "The service does not let calls say what it loads.",
        "Publish into the model directory, which is watched, or set `MODELYARD_RELOAD_ROOTS`.",
    ),
    (
        "RELOAD_UNIMPLEMENTED",
        _UNKNOWN,
        "`HandleReloadConfigRequest` is not served.",
        "Publish into the model directory, which is watched.",
    ),
    (
        "INPUTS_TOO_LARGE",
        _FULL,
        "The call is larger than the service could ever hold.",
        "Send fewer examples in a call, or raise `MODELYARD_MAX_BYTES_IN_FLIGHT`.",
    ),
    (
        "BYTES_IN_FLIGHT",
        _FULL,
        "The calls that are being worked on hold as many bytes as the service may.",
        "Try again after the time that the answer names.",
    ),
    (
        "QUEUE_FULL",
        _FULL,
        "As many examples wait for this version as may.",
        "Try again after the time that the answer names; add replicas if it goes on.",
    ),
    (
        "TOO_MANY_CALLS",
        _FULL,
        "As many calls are being worked on as the service takes.",
        "Try again after the time that the answer names; add replicas if it goes on.",
    ),
    (
        "DEADLINE_IN_QUEUE",
        _LATE,
        "The caller's deadline passed, or was sure to pass, before the call could be run.",
        "Give more time, or add replicas: the queue is longer than the deadline.",
    ),
    ("CALLER_LEFT", _LEFT, "The caller ended the call.", "Nothing has to be mended."),
    (
        "OUTPUT_ROWS",
        (Code.INTERNAL, Code.INVALID_ARGUMENT),
        "The model answered with another number of rows than it was asked for, or its outputs differ in it.",
        "Its signature must keep the first dimension; publish a version that does, or ask REST with `inputs` instead of `instances`.",
    ),
)

_VERSION = _reasons(
    Area.VERSION,
    (
        "NO_SAVED_MODEL",
        _MISSING,
        "The folder of the version has no `saved_model.pb`.",
        "Copy a complete version, under another name, and rename it when it is whole.",
    ),
    (
        "UNLOADABLE_MODEL",
        _STATE,
        "TensorFlow cannot load the version.",
        "The message has TensorFlow's own words; an operation or a file may be missing.",
    ),
    (
        "DAMAGED_VERSION",
        _STATE,
        "Files of the version differ from the digests in its manifest.",
        "Restore the version from a backup, or train it again.",
    ),
    (
        "GOLDEN_DIFFERS",
        _STATE,
        "The version does not give the answers here that training computed.",
        "Compare the versions of TensorFlow and the hardware; the version answers nobody until it agrees.",
    ),
    (
        "DAMAGED_RECORD_FILE",
        _STATE,
        "The file of warmup requests or golden examples cannot be read.",
        "Restore the version from a backup, or train it again.",
    ),
)

_JOB = _reasons(
    Area.JOB,
    (
        "BAD_SPEC",
        (),
        "The trainer found that the request cannot be carried out.",
        "The violations of the job name the fields; clone the job with those mended.",
    ),
    (
        "NAN_LOSS",
        (),
        "The loss became infinite or not a number; such a network is never published.",
        "Use a smaller learning rate, set `clip_norm` of the optimizer, or look for absurd values in the data.",
    ),
    (
        "OOM_GPU",
        (),
        "The memory of the GPU was not enough.",
        "Use a smaller `batch_size` or a smaller network.",
    ),
    (
        "OOM_HOST",
        (),
        "The memory of the machine was not enough, and the trainer was killed.",
        "Use a smaller `batch_size` or a smaller dataset, or give the worker more memory.",
    ),
    (
        "DISK_FULL",
        (),
        "A checkpoint or the version could not be written.",
        "Make room below `MODELYARD_WORK_DIR` and `MODELYARD_MODELS_DIR`, then retry the job.",
    ),
    (
        "WORKER_LOST",
        (),
        "The worker or its trainer ended without a word.",
        "Nothing, usually: the job goes on from its last checkpoint; the log of the attempt has what was said last.",
    ),
    (
        "PREEMPTED",
        (),
        "The worker was told to stop, and gave the job back with a checkpoint.",
        "Nothing: another worker, or the same one after its restart, goes on.",
    ),
    (
        "STALLED",
        (),
        "The trainer lived and made no progress, so it was killed.",
        "It is tried again; if it goes on, look at the log of the attempt, or raise `MODELYARD_STALL_SECONDS`.",
    ),
    (
        "DEADLINE",
        (),
        "The job ran longer than `resources.max_seconds`.",
        "Clone it with a larger `resources.max_seconds`, or with fewer epochs.",
    ),
    (
        "POISON",
        (),
        "Every attempt was lost without progress, so no further one is made.",
        "The logs of the attempts say what the last one did; mend the cause, then retry the job.",
    ),
    (
        "UNVERIFIED",
        (),
        "The exported model did not answer what training computed, so it was not published.",
        "Please report it with the job's log: it is a defect of the export, not of the data.",
    ),
    ("USER", (), "Somebody cancelled the job.", "Retry it if it was a mistake."),
)

_CLIENT = _reasons(
    Area.CLIENT,
    (
        "UNREACHABLE",
        _AWAY,
        "Nothing answers at the address.",
        "Start the services with `modelyard up`, or say where they run: `--url` and `--grpc`.",
    ),
    (
        "CONNECT_TIMEOUT",
        _LATE,
        "The service did not take the connection in time.",
        "See whether the address is right and a firewall lets it through.",
    ),
    (
        "BROKEN",
        _AWAY,
        "The connection broke before the answer was whole.",
        "Try again; calls that change something should have an idempotency key.",
    ),
    (
        "BAD_ADDRESS",
        _AWAY,
        "What was given is no address.",
        "Write `http://HOST:PORT` for the jobs API and `HOST:PORT` for predictions.",
    ),
    (
        "NOT_JSON",
        _AWAY,
        "What answers is no jobs API: its answer is not JSON.",
        "See whether the address is that of the jobs API, and what a proxy in front of it says.",
    ),
    (
        "NO_SUCH_FILE",
        _INVALID,
        "A file that was named cannot be read.",
        "Paths in a request file are relative to the file itself.",
    ),
    (
        "BAD_REQUEST_FILE",
        _INVALID,
        "The request file is not YAML or JSON, or is no mapping.",
        "`modelyard schema job` gives an editor what it needs to check it as you type.",
    ),
    (
        "BAD_MESSAGE",
        _INVALID,
        "What was given to `modelyard call` is no message of that method.",
        "The message names the field; `modelyard call SERVICE` lists the methods and reflection their messages.",
    ),
    (
        "NO_SCHEMA",
        _STATE,
        "The schema of requests is neither served nor installed here.",
        "Say where a jobs API runs with `--url`, or install `modelyard[jobs]`.",
    ),
    (
        "BAD_CONFIG_FILE",
        _INVALID,
        "The file of contexts cannot be read, or does not say what it should.",
        "The message names the file; mend it, or move it away and make the contexts anew.",
    ),
    (
        "WRONG_INPUT",
        _INVALID,
        "What was given to a prediction cannot be turned into its input.",
        "The violation names the item and what is taken: paths, bytes, arrays, texts or rows.",
    ),
    (
        "LIBRARY_MISSING",
        _STATE,
        "The form that was asked for needs a library that is not installed.",
        "Install the library that the message names; the client itself asks for none of them.",
    ),
    (
        "UNKNOWN_TASK",
        _STATE,
        "No typed call is known for the model's task.",
        "Choose one with `--task`, or call `tensorflow.serving.PredictionService/Predict`.",
    ),
)

_MACHINE = _reasons(
    Area.MACHINE,
    (
        "PORT_TAKEN",
        _STATE,
        "No port that was tried is free.",
        "`modelyard doctor` names the process that holds it; `--port` and `--grpc-port` choose others.",
    ),
    (
        "SERVICE_DID_NOT_START",
        _STATE,
        "A service ended while it started.",
        "The last lines of its log are in the message; `modelyard doctor` looks for usual causes.",
    ),
    (
        "DID_NOT_START",
        _STATE,
        "The services were not ready in time.",
        "The last lines of the log are in the message; `modelyard doctor` looks for usual causes.",
    ),
    (
        "REDIS_MISSING",
        _STATE,
        "There is no embedded Redis for this machine.",
        "Install `modelyard[local]`, or name a Redis of your own in `MODELYARD_REDIS_URL`.",
    ),
    (
        "REDIS_DID_NOT_START",
        _STATE,
        "The embedded Redis ended while it started.",
        "Its last line is in the message; the append-only file below `var/redis` may be damaged.",
    ),
    (
        "LEFT_RUNNING",
        _STATE,
        "The demo ended, and processes of it still run.",
        "Please report it with their names; `modelyard down` stops what `up` knows.",
    ),
    (
        "NO_BETTER_THAN_BASELINE",
        _STATE,
        "A network of the demo was no better than the answer that needs no network.",
        "Please report it with the output: the demo is seeded, and should not do that.",
    ),
)

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        reason.name: reason
        for area in (
            *(_ANYWHERE, _JOBS, _DATASETS, _MODELS, _PREDICTIONS),
            *(_VERSION, _JOB, _CLIENT, _MACHINE),
        )
        for reason in area
    }
)
