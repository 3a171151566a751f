//go:build !linux

package probe

import (
	"context"
	"io/fs"
)

func (m *machine) readKmsg(context.Context, *klog) error { return fs.ErrNotExist }
