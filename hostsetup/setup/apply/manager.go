package apply

import (
	"context"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// manager is a package manager. What it is told to do it does without a question, and
// nothing beside it but what is needed.
type manager interface {
	// installed are all packages.
	installed(context.Context, *job) (*Installed, error)
	// locks are the files by which it keeps others away.
	locks() []string
	// heal finishes what a killed one left half done; whole says that there is nothing.
	heal(context.Context, *job) error
	whole(context.Context, *job) (bool, error)
	refresh(context.Context, *job) error
	// foresee says what a change would do, as far as the manager can tell beforehand.
	foresee(context.Context, *job, order) (*Change, error)
	change(context.Context, *job, order) error
	// offers says whether a version of a package is to be had.
	offers(ctx context.Context, j *job, name, version string) (bool, error)
	// configs are the files of configuration of packages.
	configs(ctx context.Context, j *job, names []string) ([]string, error)
	// back removes packages and puts versions in place, exactly these; blocked says why
	// that cannot be done.
	back(context.Context, *job, order) error
	blocked(context.Context, *job, order) error
	// mark has packages that came by themselves count as such again.
	mark(context.Context, *job, *Installed) error
}

// order is what a package manager is to do.
type order struct {
	install []setup.Package
	remove  []string
	files   []string        // of packages, instead of sources
	again   []setup.Package // half unpacked ones
	streams []string        // dnf's
}

func managerOf(name string) (manager, error) {
	switch name {
	case "apt":
		return apt{}, nil
	case "dnf":
		return dnf{}, nil
	case "zypper":
		return zypper{}, nil
	}
	return nil, unknownManager(name)
}
