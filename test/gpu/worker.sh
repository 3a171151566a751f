#!/usr/bin/env bash
# Where the worker's time goes: its lines on each route, by itself and with the others
# beside it. It takes the engine of run.sh, after it has run.
set -euo pipefail
image=$(docker images -q docker-gpu-worker | head -n 1)
: "${image:?run docker gpu smoke once: it brings the image}"
common=(--rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp --entrypoint /gpu-worker)
ways=("--gpus all" "--device nvidia.com/gpu=all")
for way in "${ways[@]}"; do
	echo "== alone: $way"
	# shellcheck disable=SC2086 # a way is several words
	time docker run "${common[@]}" $way "$image" smoke
done
echo "== side by side"
for way in "${ways[@]}"; do
	# shellcheck disable=SC2086
	docker run "${common[@]}" $way "$image" smoke >"/tmp/worker.${way//[^a-z]/}" &
done
time wait
cat /tmp/worker.*
