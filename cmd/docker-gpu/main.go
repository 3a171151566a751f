// Command docker-gpu is the Docker CLI plugin `docker gpu`, which also runs alone.
package main

import (
	"os"

	"github.com/dockergpu/docker-gpu/plugin"
)

func main() { os.Exit(plugin.Main()) }
