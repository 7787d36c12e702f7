# What `make run` does, for Windows: makes .venv ready, then opens the studio.
#
#   powershell -ExecutionPolicy Bypass -File scripts\run.ps1 [PICTURE, MODEL or RUN]
$ErrorActionPreference = 'Stop'
Set-Location (Split-Path $PSScriptRoot)
$python = '.venv\Scripts\python.exe'

# The first of the two that Windows has: its launcher, or whatever is called python.
function Invoke-SystemPython {
    if (Get-Command py -ErrorAction SilentlyContinue) { py -3 @args } else { python @args }
}
# A program that fails does not stop PowerShell by itself.
function Stop-IfFailed([string] $what) { if ($LASTEXITCODE) { throw "$what failed; the reason stands above" } }

# The mark says from which files the environment was made. An installation that broke off leaves none: start afresh.
$state = (Get-FileHash pyproject.toml, constraints.txt).Hash -join '-'
$mark = '.venv\ready'
if (-not (Test-Path $mark)) {
    Invoke-SystemPython -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed')"
    Stop-IfFailed 'Looking for Python'
    Invoke-SystemPython -m venv --clear .venv
    Stop-IfFailed 'Making .venv'
}
if (-not (Test-Path $mark) -or ((Get-Content $mark) -ne $state)) {
    Remove-Item $mark -ErrorAction SilentlyContinue
    Write-Host 'Installing what the studio needs: a few minutes the first time.'
    & $python -m pip install --quiet --constraint constraints.txt --editable .
    Stop-IfFailed 'Installing'
    Set-Content $mark $state
}
& $python -m scalefree_studio @args
exit $LASTEXITCODE
