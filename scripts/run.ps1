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
function Stop-With([string] $sentence) { Write-Host "setup: $sentence"; exit 1 }
# Says in one line what is missing, before anything is downloaded.
function Find-Python {
    $needed = 'Python 3.11 or newer is needed; see https://www.python.org/downloads'
    if (-not ((Get-Command py, python -ErrorAction SilentlyContinue))) { Stop-With $needed }
    Invoke-SystemPython -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>$null
    if ($LASTEXITCODE) { Stop-With $needed }
}
# What pip says goes to a log; a person sees how long it takes, and which package it is at.
function Install-Studio {
    $log = '.venv\install.log'
    $words = '-m pip install --progress-bar off --constraint constraints.txt --editable .'
    $pip = Start-Process $python $words -NoNewWindow -PassThru -RedirectStandardOutput $log `
        -RedirectStandardError "$log.errors"
    $null = $pip.Handle # else its exit code is not kept
    for ($seconds = 0; -not $pip.HasExited; $seconds++) {
        Start-Sleep 1
        $at = Get-Content $log -Tail 1 -ErrorAction SilentlyContinue
        Write-Progress -Activity 'Installing what the studio needs' -Status "$seconds s: $at"
    }
    Write-Progress -Activity 'Installing what the studio needs' -Completed
    if ($pip.ExitCode) { Stop-With "pip could not install the studio; what it said is in $log and $log.errors" }
}
# A program that fails does not stop PowerShell by itself.
function Stop-IfFailed([string] $what) { if ($LASTEXITCODE) { throw "$what failed; the reason is above" } }

# The mark says from which files the environment was made. An installation that broke off leaves none: start afresh.
$state = (Get-FileHash pyproject.toml, constraints.txt).Hash -join '-'
$mark = '.venv\ready'
if (-not (Test-Path $mark)) {
    Find-Python
    Invoke-SystemPython -m venv --clear .venv
    Stop-IfFailed 'Making .venv'
}
if (-not (Test-Path $mark) -or ((Get-Content $mark) -ne $state)) {
    Remove-Item $mark -ErrorAction SilentlyContinue
    Write-Host 'Installing what the studio needs: a few minutes the first time.'
    Install-Studio
    Set-Content $mark $state
}
& $python -m scalefree_studio @args
exit $LASTEXITCODE
