"""The command line: `modelyard up | train | predict | …`. It talks to the services as any client does."""


def main() -> None:
    # Late, so that the server of `modelyard.cli.embedded` can be used without the command line.
    from modelyard.cli.app import run

    run()
