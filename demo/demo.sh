#!/bin/bash
# shellcheck disable=SC2016 # the commands are for the shell in the container
# usage: demo.sh BIN
# Runs containers from the built-in image with the programs in the directory
# BIN and shows each command with what it printed. It uses a state directory of
# its own, the loopback interface and no registry, and cleans up behind itself.
set -euo pipefail

bin=$(cd "$1" && pwd)
if [[ $(id -u) -ne 0 ]]; then
	echo "containers of this version need root; asking sudo"
	exec sudo "$0" "$bin"
fi

state=$(mktemp -d /tmp/vz-demo.XXXXXX)
export VZ_HOME=$state/home VZ_RUN=$state/run PATH=$bin:$PATH
finish() {
	local status=$?
	cd /
	vz ps -aq | xargs -r vz rm -f >/dev/null 2>&1 || true
	vz network ls -q --filter type=custom | xargs -r vz network rm >/dev/null 2>&1 || true
	# Interfaces go a moment after their containers; who takes them away holds this.
	[[ ! -e $VZ_RUN/networks/sweep.lock ]] || flock -w 10 "$VZ_RUN/networks/sweep.lock" true || true
	rm -rf "$state"
	[[ $status -eq 0 ]] || echo "the demo failed with exit status $status" >&2
	exit "$status"
}
trap finish EXIT

say() { printf '\n# %s\n' "$*"; }
show() {
	printf '$ %s\n' "$*"
	"$@"
}

# The same with an exit status that is part of the show.
expect() {
	local want=$1 got=0
	shift
	printf '$ %s\n' "$*"
	"$@" || got=$?
	echo "(exit status $got)"
	[[ $got -eq $want ]] || {
		echo "want exit status $want" >&2
		return 1
	}
}

say "a container from the image that vz carries: no registry, no network"
show vz run --rm vz:builtin sh -c 'echo hi from process $$ on $(hostname)'

say "the exit status is the program's own; stdin, user, env and directory are as told"
expect 3 vz run --rm vz:builtin sh -c 'exit 3'
expect 127 vz run --rm vz:builtin no-such-program
printf '$ echo data | vz run --rm -i vz:builtin cat\n'
echo data | vz run --rm -i vz:builtin cat
show vz run --rm --user 1000:1000 --env GREETING=hello --workdir /tmp vz:builtin sh -c 'id -u; echo $GREETING; pwd'

say "a web server in the background, reached through a published port"
mkdir -p "$state/site"
echo "served from a container" >"$state/site/index.html"
show vz run -d --name web -p 127.0.0.1:0:8080 -v "$state/site:/site:ro" vz:builtin httpd -p 8080 -h /site
show vz ps
address=$(vz port web 8080/tcp | head -n 1)
printf '$ curl http://%s/   (by the built-in wget, on the host network)\n' "$address"
fetched=
for _ in $(seq 50); do
	fetched=$(vz run --rm --network host vz:builtin wget -q -O - "http://$address/" 2>/dev/null) && break
	sleep 0.1
done
echo "$fetched"
[[ $fetched == "served from a container" ]]

say "look into it, change its limits, stop it, remove it"
show vz exec web sh -c 'cat /site/index.html; ps'
show vz logs web
show vz inspect --format '{{.State.Status}} pid {{.State.Pid}}' web
show vz stop web
show vz ps -a
show vz rm web

say "a Compose stack: a web server, and a client that starts when it is healthy"
cat >"$state/compose.yaml" <<'END'
name: demo
services:
  web:
    image: vz:builtin
    command: httpd -p 8080 -h /site
    volumes: ["./site:/site:ro"]
    healthcheck: {test: wget -q -O /dev/null http://127.0.0.1:8080/, interval: 1s, retries: 60}
  client:
    image: vz:builtin
    command: wget -q -O - http://web:8080/
    depends_on: {web: {condition: service_healthy}}
END
cat "$state/compose.yaml"
cd "$state"
show vz stack up -d
show vz wait demo-client-1
printf '$ vz stack logs --no-log-prefix client\n'
fetched=$(vz stack logs --no-log-prefix client)
echo "$fetched"
[[ $fetched == "served from a container" ]]
show vz stack ps -a --format '{{.Service}} {{.State}}'
show vz stack down

say "limits hold: this one wants more memory than it may have"
expect 137 vz run --rm --memory 32m vz:builtin sh -c 'x=0123456789abcdef; while :; do x=$x$x; done'

say "nothing is left"
show vz ps -a
