# start, stop, status, env.

start() {
	variant=${variant:-containerd}
	if [ "$variant" = old ]; then
		[ "$gpu" != fake ] || die "the old engine knows no CDI: no fake GPU for it"
		gpu=none
	fi
	build
	[ "$variant" != old ] || fetch_debs
	locked "$dir" start_locked
	if [ "$variant" != buildkit ]; then docker_for "$variant" info --format '{{.ServerVersion}}, {{.Driver}}' | sed 's/^/            /'; fi
}

start_locked() {
	local home
	home=$(state "$variant")
	mkdir -p "$home"
	registry_start
	locked "$cache" make_bases
	if answers "$variant"; then
		[[ $variant = old || -z $gpu || $gpu = "$(cat "$home/gpu")" ]] ||
			die "$variant runs already with --gpu $(cat "$home/gpu"); stop it first"
		say "$variant runs already"
		return
	fi
	sweep "$home"
	rm -f "$home/pid" "$home/exec/containerd/containerd.pid"
	say "${gpu:-fake}" >"$home/gpu"
	fake_gpu "$home" "${gpu:-fake}"
	if [ "$variant" = buildkit ]; then
		buildkitd_start
	else
		network_up "$variant"
		dockerd_start "$variant"
	fi
	say "$(printf '%-11s' "$variant") $(socket_of "$variant")"
}

answers() { if [ "$1" = buildkit ]; then buildkitd_answers; else dockerd_answers "$1"; fi; }

socket_of() {
	if [ "$1" = buildkit ]; then say "unix://$(state "$1")/buildkitd.sock"; else say "unix://$(state "$1")/docker.sock"; fi
}

stop() { locked "$dir" stop_locked; }

stop_locked() {
	local each rest=
	for each in ${variant:-$variants}; do
		[ -d "$(state "$each")" ] || continue
		stop_one "$each"
	done
	for each in $variants; do
		if running "$(state "$each")/pid" "$(state "$each")"; then rest=1; fi
	done
	if [ -z "$rest" ]; then registry_stop; fi
}

stop_one() {
	local home
	home=$(state "$1")
	if running "$home/pid" "$home"; then
		end "$(cat "$home/pid")"
		say "$1 stopped"
	fi
	sweep "$home"
	[ "$1" = buildkit ] || network_down "$1"
	rm -rf "$home/exec" "$home/pid" "$home"/*.sock "$home/block"
}

clean() {
	variant=
	stop
	rm -rf "$cache" "$dir"
}

status() {
	local each
	printf '%-12s %-8s %-7s %-5s %s\n' VARIANT STATE PID GPU ADDRESS
	for each in $variants; do
		if running "$(state "$each")/pid" "$(state "$each")"; then
			printf '%-12s %-8s %-7s %-5s %s\n' "$each" running "$(cat "$(state "$each")/pid")" "$(cat "$(state "$each")/gpu")" "$(socket_of "$each")"
		else
			printf '%-12s %-8s %-7s %-5s %s\n' "$each" stopped - - -
		fi
	done
	if running "$dir/registry/pid" "$dir/registry"; then
		printf '%-12s %-8s %-7s %-5s %s\n' registry running "$(cat "$dir/registry/pid")" - "localhost:$(cat "$dir/registry/port")"
	fi
}

print_env() {
	local port
	port=$(cat "$dir/registry/port" 2>/dev/null) || port=$registry_port
	variant=${variant:-containerd}
	if [ "$variant" != buildkit ]; then printf 'export DOCKER_HOST=%q\n' "$(socket_of "$variant")"; fi
	printf 'export BUILDKIT_HOST=%q\n' "$(socket_of buildkit)"
	printf 'export REGISTRY=%q\n' "localhost:$port"
	# Behind what the machine has: its own docker client goes first.
	# shellcheck disable=SC2016 # PATH is for the reader's shell
	printf 'export PATH="$PATH":%q\n' "$bin"
}
