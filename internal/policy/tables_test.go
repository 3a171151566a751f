package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// tables are all that say where they are from, by the function that returns them.
func tables() map[string]any {
	return map[string]any{
		"WheelArchs": WheelArchs(), "CDIFields": CDIFields(), "Distributions": Distributions(), "Drivers": Drivers(), "DriverBranches": DriverBranches(), "Engines": Engines(), "CVEs": CVEs(),
		"Generations": Generations(), "GPUs": GPUs(), "Hypervisors": Hypervisors(), "Architectures": Architectures(), "ClockReasons": ClockReasons(),
		"RecoveryActions": RecoveryActions(), "Packages": Packages(), "PCIRanges": PCIRanges(), "ToolkitFlaws": ToolkitFlaws(), "SigningKeys": SigningKeys(), "Torch": Torch(),
	}
}

// A row says from what and when it is: otherwise nobody can refresh it.
func TestEveryRowHasASourceAndADay(t *testing.T) {
	newest := time.Time{}
	for name, table := range tables() {
		rows := reflect.ValueOf(table)
		assert.Assert(t, rows.Len() > 0, name)
		for i := range rows.Len() {
			row := rows.Index(i)
			source, date := row.FieldByName("Source").String(), row.FieldByName("Date").String()
			assert.Assert(t, len(source) > 5, "%s, row %d has no source", name, i)
			day, err := time.Parse(time.DateOnly, date)
			assert.NilError(t, err, "%s, row %d", name, i)
			assert.Assert(t, day.Year() >= 2026, "%s, row %d: %s is old", name, i, date)
			if day.After(newest) {
				newest = day
			}
			assert.Assert(t, !strings.Contains(source, "memory"), "%s, row %d", name, i)
		}
	}
	reviewed, err := time.Parse(time.DateOnly, Reviewed)
	assert.NilError(t, err)
	assert.Assert(t, newest.Sub(reviewed) < 60*24*time.Hour, "a row is of %s: look through the others, and say so in Reviewed", newest.Format(time.DateOnly))
}

// A table that is not listed above is not tested there.
func TestAllTablesAreListed(t *testing.T) {
	listed := tables()
	names, err := filepath.Glob("*.go")
	assert.NilError(t, err)
	rows := map[string]bool{} // types with a source
	functions := map[string]string{}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		assert.NilError(t, err)
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, s := range d.Specs {
					ts, ok := s.(*ast.TypeSpec)
					if !ok {
						continue
					}
					if st, ok := ts.Type.(*ast.StructType); ok {
						for _, f := range st.Fields.List {
							for _, n := range f.Names {
								rows[ts.Name.Name] = rows[ts.Name.Name] || n.Name == "Source"
							}
						}
					}
				}
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.IsExported() && d.Type.Params.NumFields() == 0 && d.Type.Results.NumFields() == 1 {
					if list, ok := d.Type.Results.List[0].Type.(*ast.ArrayType); ok {
						if of, ok := list.Elt.(*ast.Ident); ok {
							functions[d.Name.Name] = of.Name
						}
					}
				}
			}
		}
	}
	for name, of := range functions {
		assert.Assert(t, !rows[of] || listed[name] != nil, "%s is not among tables()", name)
	}
	assert.Assert(t, len(functions) > len(listed), "too few functions were found: %v", functions)
}

// keys are the values of a field down a table.
func keys(table any, field string) (out []string) {
	rows := reflect.ValueOf(table)
	for i := range rows.Len() {
		out = append(out, rows.Index(i).FieldByName(field).String())
	}
	return out
}

// Lookups take the first or the last that fits: an order that is broken gives wrong answers.
func TestTablesAreInOrder(t *testing.T) {
	down := func(a, b string) int { return Compare(b, a) }
	for name, c := range map[string]struct {
		keys  []string
		order func(a, b string) int
	}{
		"engines up":        {keys(Engines(), "From"), Compare},
		"CUDA down":         {keys(Drivers(), "CUDA"), down},
		"torch down":        {keys(Torch(), "Version"), down},
		"capabilities down": {keys(GPUs(), "Capability"), down},
		"generations up":    {keys(Generations(), "From"), Compare},
		"packages by name":  {keys(Packages(), "Prefix"), strings.Compare},
		"CDI fields up":     {keys(CDIFields(), "Schema"), Compare},
	} {
		t.Run(name, func(t *testing.T) { assert.Assert(t, slices.IsSortedFunc(c.keys, c.order), "%v", c.keys) })
	}
	for name, list := range map[string][]string{
		"CUDA": keys(Drivers(), "CUDA"), "torch": keys(Torch(), "Version"), "capabilities": keys(GPUs(), "Capability"), "packages": keys(Packages(), "Prefix"),
		"CVEs": keys(CVEs(), "ID"), "hypervisors": keys(Hypervisors(), "Text"), "fields": keys(CDIFields(), "Name"), "names of GPUs": GPUNames(),
		"torch packages": TorchPackages(), "managers": ContainerManagers(),
	} {
		sorted := slices.Sorted(slices.Values(list))
		assert.Equal(t, len(slices.Compact(sorted)), len(list), "%s: something stands twice", name)
	}
}

// Generations do not overlap, and together with Drivers say which CUDA is for which GPU.
func TestGenerationsFitTogether(t *testing.T) {
	all := Generations()
	cudas := keys(Drivers(), "CUDA")
	for i, g := range all {
		assert.Assert(t, Compare(g.From, g.To) <= 0, g.Name)
		assert.Assert(t, i == 0 || Compare(all[i-1].To, g.From) < 0, "%s begins within %s", g.Name, all[max(0, i-1)].Name)
		for _, cuda := range []string{g.FirstCUDA, g.LastCUDA} {
			assert.Assert(t, cuda == "" || slices.Contains(cudas, cuda), "%s: no driver is known for CUDA %s", g.Name, cuda)
		}
		assert.Assert(t, g.FirstCUDA == "" || g.LastCUDA == "" || Compare(g.FirstCUDA, g.LastCUDA) <= 0, g.Name)
		assert.Assert(t, g.MinDriver == "" || BranchOf(g.MinDriver) > 0, g.Name)
	}
	for _, gpu := range GPUs() {
		_, ok := GenerationOf(gpu.Capability)
		assert.Assert(t, ok, "%s is of no generation", gpu.Capability)
	}
}

// The newest CUDA takes the newest driver, and each driver belongs to a known branch.
func TestDriversOfCUDA(t *testing.T) {
	last := ""
	for _, d := range slices.Backward(Drivers()) {
		assert.Assert(t, last == "" || Compare(d.Min, last) >= 0, "CUDA %s takes an older driver than the one before", d.CUDA)
		last = d.Min
		if d.Shipped != "" {
			assert.Assert(t, Compare(d.Shipped, d.Min) >= 0, d.CUDA)
		}
	}
	assert.Assert(t, slices.Contains(keys(Drivers(), "CUDA"), CUDADefault))
}

// Wheels of a release are for architectures that a row of WheelArchs names.
func TestWheelsHaveArchitectures(t *testing.T) {
	for _, a := range WheelArchs() {
		assert.Assert(t, a.From == "" || Compare(a.From, a.To) <= 0, "%s of %s", a.Variant, a.Platform)
		assert.Assert(t, len(a.Archs) > 0)
		for _, arch := range a.Archs {
			_, ok := Capability(arch)
			assert.Assert(t, ok, "%s of %s: %s", a.Variant, a.Platform, arch)
		}
	}
	for _, r := range Torch() {
		for _, platform := range []string{"linux/amd64", "linux/arm64"} {
			for _, v := range r.On(platform).Variants {
				rows := 0
				for _, a := range WheelArchs() {
					if a.Variant == v && a.Platform == platform && (a.From == "" || Compare(r.Version, a.From) >= 0) && Compare(r.Version, a.To) <= 0 {
						rows++
					}
				}
				assert.Assert(t, rows <= 1, "torch %s, %s on %s has %d rows", r.Version, v, platform, rows)
			}
		}
	}
}

func TestCUDAPackages(t *testing.T) {
	for _, d := range Drivers() {
		for _, platform := range []string{"linux/amd64", "linux/arm64"} {
			packages := CUDAPackages(d.CUDA, platform)
			none := platform == "linux/arm64" && (d.CUDA == "12.0" || d.CUDA == "12.1" || d.CUDA == "12.2")
			assert.Equal(t, len(packages) == 0, none, "%s on %s", d.CUDA, platform)
			for _, p := range packages {
				assert.Assert(t, strings.HasSuffix(p, "=="+d.CUDA+".*"), p)
				assert.Equal(t, strings.Contains(p, "nvjitlink"), d.CUDA != "11.8", p)
			}
		}
	}
}
