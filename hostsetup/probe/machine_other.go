//go:build !linux

package probe

import (
	"os"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Elsewhere there is no NVIDIA host to look at; what is read is another machine's, by its files.

func statNode(string) (host.Node, error) { return host.Node{}, os.ErrNotExist }

func changeTime(fi os.FileInfo) time.Time { return fi.ModTime().UTC() }

func diskSpace(string) (size, free uint64, err error) { return 0, 0, os.ErrNotExist }

func owner(os.FileInfo) int { return -1 }
