# Daemons: start them apart from the caller, find them again, end only our own.

# launch LOG COMMAND…: in a session of its own, so that a Ctrl-C on a test run
# does not take the engine along.
launch() {
	local log=$1
	shift
	[ ! -e "$log" ] || mv -f "$log" "$log.1"
	setsid "$@" </dev/null >"$log" 2>&1 9>&- &
}

# ours PID FOLDER: is PID a daemon that was started for FOLDER? A pid file alone
# proves nothing after a reboot.
ours() {
	local exe
	exe=$(readlink "/proc/$1/exe" 2>/dev/null) || return 1
	exe=${exe% (deleted)}
	case ${exe##*/} in
	dockerd | containerd | containerd-shim-runc-v2 | buildkitd | registry) ;;
	*) return 1 ;;
	esac
	tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | awk -v below="$2/" 'index($0, below) == 1 { found = 1 } END { exit !found }'
}

# running PIDFILE FOLDER
running() {
	local pid
	pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && ours "$pid" "$2"
}

# all_of FOLDER: the pids of every daemon of FOLDER.
all_of() {
	local pid
	for pid in /proc/[0-9]*; do
		pid=${pid#/proc/}
		if ours "$pid" "$1"; then say "$pid"; fi
	done
}

# wait_for SECONDS COMMAND…
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
gone() { [ ! -e "/proc/$1" ]; }

# end PID: politely, then not.
end() {
	kill "$1" 2>/dev/null || return 0
	wait_for 20 gone "$1" || kill -9 "$1" 2>/dev/null || true
	wait_for 5 gone "$1" || true
}

# sweep FOLDER: whatever an engine left behind that did not end well. A shim's
# children go first: they are the containers, and would outlive it.
sweep() {
	local pid child
	for pid in $(all_of "$1"); do
		if [[ $(readlink "/proc/$pid/exe") == *containerd-shim* ]]; then
			for child in $(cat /proc/"$pid"/task/*/children 2>/dev/null); do
				kill -9 "$child" 2>/dev/null || true
			done
		fi
	done
	for pid in $(all_of "$1"); do end "$pid"; done
	unmount_below "$1"
}

unmount_below() {
	local at
	awk -v below="$1/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r at; do
		umount -l "$(printf '%b' "$at")" || true
	done
}
