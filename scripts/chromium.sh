#!/bin/sh
# Install the system's Chromium for the browser tests when it is missing and may be installed without a question.
set -u

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done

if [ "$(id -u)" = 0 ]; then as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root='sudo -n'
else as_root=no
fi

if command -v apt-get >/dev/null 2>&1 && [ "$as_root" != no ]; then
    echo "Installing Chromium for the browser tests: about 100 MB, a minute or two."
    $as_root apt-get update -qq </dev/null &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            chromium fonts-liberation </dev/null >/dev/null && exit 0
    echo "apt-get could not install Chromium." >&2
fi

echo "********************************************************************************" >&2
echo "No Chromium here: the browser tests are left out (in CI they fail)."              >&2
echo "Install Chromium or Google Chrome to run them (Debian: sudo apt install chromium)." >&2
echo "********************************************************************************" >&2
exit 0
