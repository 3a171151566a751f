package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/moby/sys/atomicwriter"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// write puts the plan into a file, whole or not at all.
func (r *setupRun) write(plan *setup.Plan) error {
	if r.opts.planOut == "" {
		return nil
	}
	var data bytes.Buffer
	if err := writeJSON(&data, plan); err != nil {
		return err
	}
	if err := atomicwriter.WriteFile(r.opts.planOut, data.Bytes(), 0o600); err != nil {
		return fmt.Errorf("--plan-out: %w", err)
	}
	fmt.Fprintf(r.cli.Err(), "The plan is in %s: `docker gpu setup apply %s` carries it out, as long as the machine is as it is now.\n", r.opts.planOut, shellWord(r.opts.planOut))
	return nil
}

// mostPlan bounds a plan's file.
const mostPlan = 1 << 20

func readPlan(file string) (*setup.Plan, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the plan cannot be read: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostPlan+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the plan cannot be read: %w", err)
	case len(data) > mostPlan:
		return nil, fmt.Errorf("%s is longer than %d bytes, and no plan", file, mostPlan)
	}
	var version struct {
		SchemaVersion int `json:"schemaVersion"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("%s is no plan: %w", file, err)
	}
	if version.SchemaVersion != setup.SchemaVersion {
		return nil, fmt.Errorf("%s is a plan of schema version %d, and this docker gpu knows %d: make a new plan", file, version.SchemaVersion, setup.SchemaVersion)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	plan := &setup.Plan{}
	if err := dec.Decode(plan); err != nil {
		return nil, fmt.Errorf("%s is no plan: %w", file, err)
	}
	return plan, nil
}
