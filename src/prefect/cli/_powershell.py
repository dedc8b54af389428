"""Completion of words in PowerShell, which click does not know."""

from __future__ import annotations

import os

# Where all versions of click have it.
from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

__all__ = ["PowerShellComplete"]

_SOURCE = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $text = $commandAst.Extent.Text
    $end = [Math]::Min($cursorPosition - $commandAst.Extent.StartOffset, $text.Length)
    $env:COMP_WORDS = $text.Substring(0, $end)
    $env:COMP_CWORD = $wordToComplete
    $env:%(complete_var)s = "powershell_complete"
    try {
        %(prog_name)s | ForEach-Object {
            $type, $value, $help = $_ -split "`t", 3
            if ($type -eq "plain") {
                if (-not $help) { $help = $value }
                [System.Management.Automation.CompletionResult]::new($value, $value, "ParameterValue", $help)
            } else {
                Get-ChildItem -Name -Path "$wordToComplete*" | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, "ProviderItem", $_)
                }
            }
        }
    } finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_CWORD, Env:%(complete_var)s
    }
}
"""


@add_completion_class
class PowerShellComplete(ShellComplete):
    """Completion in PowerShell 5 and later, on every system."""

    name = "powershell"
    source_template = _SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is completed, and what there is of that one."""
        words = split_arg_string(os.environ["COMP_WORDS"])[1:]
        incomplete = os.environ.get("COMP_CWORD", "").strip("\"'")
        if incomplete and words and words[-1] == incomplete:
            words.pop()
        return words, incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """One line: kind, value and help, with tabs between."""
        text = " ".join((item.help or "").split())
        return f"{item.type}\t{item.value}\t{text}"
