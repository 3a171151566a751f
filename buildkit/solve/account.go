package solve

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	gw "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
)

// account decides who runs in the image, and whose the files are.
func (r *run) account(ctx context.Context, p *parts, in *graph.Input) error {
	user := r.Spec.User
	switch user {
	case "":
		a := graph.DefaultAccount()
		in.Account, in.Owner = &a, fmt.Sprintf("%d:%d", a.UID, a.UID)
		return nil
	case "root", "0", "0:0":
		in.Owner = "0:0"
		return nil
	}
	name, group, grouped := strings.Cut(user, ":")
	uid, gid := name, name
	if !number(name) {
		line, err := r.lookUp(ctx, p, "passwd", "user", name)
		if err != nil {
			return err
		}
		uid, gid = line[2], line[3]
	}
	if grouped {
		gid = group
		if !number(group) {
			line, err := r.lookUp(ctx, p, "group", "group", group)
			if err != nil {
				return err
			}
			gid = line[2]
		}
	}
	in.Owner = uid + ":" + gid
	return nil
}

// lookUp finds a name in the base's /etc/passwd or /etc/group: the line's fields, of
// which those that are numbers are.
func (r *run) lookUp(ctx context.Context, p *parts, file, kind, name string) ([]string, error) {
	ref, err := p.images.solve(ctx, p.images.state(p.base))
	if err != nil {
		return nil, err
	}
	data, err := ref.ReadFile(ctx, gw.ReadRequest{Filename: "/etc/" + file})
	if err != nil {
		return nil, fmt.Errorf("--user %s: base image %s has no /etc/%s to look the name up in; give a number", r.Spec.User, p.base.ref, file)
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(f) < 4 || f[0] != name {
			continue
		}
		// The number goes into the graph and into a Dockerfile.
		if !number(f[2]) || kind == "user" && !number(f[3]) {
			return nil, fmt.Errorf("--user %s: base image %s has %q for %s in /etc/%s, which is no number; give one", r.Spec.User, p.base.ref, strings.Join(f[2:4], ":"), name, file)
		}
		return f, nil
	}
	way := "give a number"
	if kind == "user" {
		way += ", or leave --user out for an unprivileged user that the build makes"
	}
	return nil, fmt.Errorf("--user %s: base image %s has no %s %s; %s", r.Spec.User, p.base.ref, kind, name, way)
}

func number(id string) bool {
	_, err := strconv.ParseUint(id, 10, 31)
	return err == nil
}
