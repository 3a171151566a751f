#!/usr/bin/env bash
# The private engine tested on itself, in a folder, on a port and with bridges of
# its own, so that engines in use are left alone. VARIANTS narrows it.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$(mktemp -d /tmp/engine-test.XXXXXX)" || exit 1
dir=$PWD/run
export DOCKER_GPU_REGISTRY_PORT=${ENGINE_TEST_PORT:-5155} BUILDX_CONFIG=$PWD/buildx DOCKER_CONFIG=$PWD/docker
base=localhost:$DOCKER_GPU_REGISTRY_PORT/debian:bookworm
python=localhost:$DOCKER_GPU_REGISTRY_PORT/python:3.11-bookworm
failed=0

engine() { "$here/engine" "$@" --dir "$dir"; }

# check WHAT COMMAND…: one line for each, the output only of those that fail.
check() {
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then
		printf 'ok    %s\n' "$what"
	else
		printf 'FAIL  %s\n%s\n' "$what" "$output"
		failed=1
	fi
}
says() {
	local want=$1 output
	shift
	output=$("$@" 2>&1)
	printf '%s\n' "$output"
	[[ $output == *$want* ]]
}
refuses() { ! "$@"; }

finish() {
	engine stop --all >/dev/null
	rm -rf "$PWD"
}
trap finish EXIT
trap 'exit 130' INT TERM

# The proxy's or company's authority, if the machine has one, reaches a build as
# a secret: never as a layer.
authorities=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
cat >Dockerfile <<D
FROM $python
RUN --mount=type=secret,id=ca,target=/ca.pem SSL_CERT_FILE=/ca.pem python3 -c \
    "import urllib.request as u; u.urlopen('https://pypi.org/simple/six/').read()"
RUN apt-get update
D
printf 'FROM %s\nRUN --device=nvidia.com/gpu=all test "$FAKE_GPU" = all && test -c /dev/nvidia0\n' "$base" >Dockerfile.gpu

build() { docker-buildx build --builder "$builder" --secret id=ca,src="$authorities" "$@" .; }

# use VARIANT: as the tests of others do.
use() {
	eval "$(engine env --variant "$1")"
	builder=default
	if [ "$1" = buildkit ]; then
		builder=private
		docker-buildx create --name private --driver remote "$BUILDKIT_HOST" >/dev/null
	fi
}

test_dockerd() {
	check "$1: a container" says 'hello' docker run --rm "$base" echo hello
	check "$1: a container reaches the network by name" docker run --rm "$base" apt-get update
	check "$1: user networks have names" docker run --rm --network "$(docker network create "$1")" "$base" apt-get update
	check "$1: a published port" published_port
	docker network rm "$1" >/dev/null
	check "$1: a build reaches the network" build
	if [ "$1" = old ]; then
		check "$1: no CDI" refuses docker run --rm --device nvidia.com/gpu=all "$base" true
		return
	fi
	check "$1: --gpus all" says FAKE_GPU=all docker run --rm --gpus all "$base" env
	check "$1: one device" says FAKE_GPU=0 docker run --rm --device nvidia.com/gpu=0 "$base" env
	check "$1: a device in a build" build --allow device=nvidia.com/gpu=all -f Dockerfile.gpu
}

published_port() {
	local id port answer
	id=$(docker run -d -p 127.0.0.1::80 "${base%/*}/musl:latest" busybox nc -l -p 80 -e echo over-here) || return
	port=$(docker port "$id" 80)
	sleep 0.5
	answer=$(exec 3<>"/dev/tcp/127.0.0.1/${port##*:}" && head -n 1 <&3)
	docker rm -f "$id" >/dev/null
	[ "$answer" = over-here ]
}

test_kill() {
	docker run -d --name sleeper "$base" sleep 54321 >/dev/null
	kill -9 "$(cat "$dir/$1/pid")"
	check "$1: starts again after kill -9" engine start --variant "$1"
	check "$1: works again" says hello docker run --rm "$base" echo hello
	check "$1: knows its container" docker rm -f sleeper
}

test_none() {
	check "$1: stops" engine stop --variant "$1"
	check "$1: starts without a GPU" engine start --variant "$1" --gpu none
	check "$1: refuses another GPU while it runs" refuses engine start --variant "$1" --gpu fake
	check "$1: --gpus all fails" refuses docker run --rm --gpus all "$base" true
}

# left: what a stopped engine must not leave behind.
left() {
	local pid
	for pid in /proc/[0-9]*; do
		if tr '\0' ' ' <"$pid/cmdline" 2>/dev/null | grep -qE "(dockerd|containerd|buildkitd|registry).*$dir/"; then
			echo "process $pid: $(tr '\0' ' ' <"$pid/cmdline")"
		fi
	done
	grep -F "$dir/" /proc/self/mountinfo
	ip -brief link | grep -F "$1"
	iptables-save | grep -F "$1"
	pgrep -af '^sleep 54321$' # the containers' own process
}
clean() { [ -z "$(left "$1" | tee /dev/stderr)" ]; }

bridges() {
	local each
	for each in "$dir"/*/daemon.json; do sed -n 's/.*"bridge": "\(.*\)".*/\1/p' "$each"; done | paste -sd '|'
}

for variant in ${VARIANTS:-containerd graphdriver buildkit old}; do
	check "$variant: starts" engine start --variant "$variant"
	use "$variant"
	case $variant in
	buildkit)
		check "$variant: a build reaches the network" build
		check "$variant: a device in a build" build --allow device=nvidia.com/gpu=all -f Dockerfile.gpu
		kill -9 "$(cat "$dir/$variant/pid")"
		check "$variant: starts again after kill -9" engine start --variant "$variant"
		check "$variant: works again" build
		;;
	*)
		test_dockerd "$variant"
		test_kill "$variant"
		[ "$variant" != graphdriver ] || test_none "$variant"
		;;
	esac
	check "$variant: starts twice" says 'runs already' engine start --variant "$variant"
done
names=$(bridges)
# A daemon that dies with a container running is the hardest to clean up after.
if [ -e "$dir/containerd/pid" ]; then
	DOCKER_HOST=unix://$dir/containerd/docker.sock docker run -d "$base" sleep 54321 >/dev/null
	kill -9 "$(cat "$dir/containerd/pid")"
fi
check "all stop" engine stop --all
for name in ${names//|/ }; do check "nothing of $name is left" clean "$name"; done
exit $failed
