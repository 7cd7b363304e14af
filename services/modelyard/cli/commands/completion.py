"""`modelyard completion SHELL`: what the shell needs to complete commands, options, ids and names."""

import click

from modelyard.cli import exits


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print the script that completes commands, options, job ids and names of models.

    \b
    bash:  eval "$(modelyard completion bash)"      in ~/.bashrc
    zsh:   eval "$(modelyard completion zsh)"       in ~/.zshrc
    fish:  modelyard completion fish | source       in ~/.config/fish/config.fish
    """
    # Late: only this command and the Tab key need it.
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    completion = kind(ctx.find_root().command, {}, "modelyard", "_MODELYARD_COMPLETE")
    # Past its own `source`, which starts a bash to look at its version and warns on stderr.
    click.echo(ShellComplete.source(completion))
    return exits.OK
