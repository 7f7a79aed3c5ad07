#!/bin/sh
# Installs the servers in other languages that the interoperability tests run:
# python3-websockets, nginx-light and, if it is missing, node from Debian's packages, and
# the npm package ws into servers/node. It skips what is already installed. It needs root,
# or sudo, only if a Debian package is missing.
set -eu
cd "$(dirname "$0")"

if [ "$(id -u)" -eq 0 ]; then sudo=; else sudo=sudo; fi

installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

missing=
for package in python3-websockets nginx-light; do
	installed "$package" || missing="$missing $package"
done
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"

if [ -n "$missing" ]; then
	# The tests start nginx themselves, on another port and with another
	# configuration: Debian's service must start neither now nor at boot.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap '$sudo rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
		$sudo chmod 755 "$policy"
	fi
	echo "setup.sh: installing$missing"
	export DEBIAN_FRONTEND=noninteractive
	$sudo apt-get update -q
	# shellcheck disable=SC2086 # the names are words
	$sudo env DEBIAN_FRONTEND="$DEBIAN_FRONTEND" apt-get install -q -y --no-install-recommends $missing
	case "$missing" in
	*nginx*) $sudo update-rc.d nginx disable >/dev/null 2>&1 || true ;;
	esac
fi

# npm writes node_modules/.package-lock.json when it is done.
if [ ! servers/node/node_modules/.package-lock.json -nt servers/node/package-lock.json ]; then
	(cd servers/node && npm ci --ignore-scripts --no-audit --no-fund)
fi

/usr/bin/python3 -c 'import websockets.version as v; print("setup.sh: python-websockets", v.version)'
node -e 'console.log("setup.sh: node", process.version + ", ws", require("./servers/node/node_modules/ws/package.json").version)'
PATH="$PATH:/usr/sbin" nginx -v 2>&1 | sed 's/^/setup.sh: /'
