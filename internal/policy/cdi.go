package policy

// CDIField is a field of CDI specs that came after the first schemas that engines took
// (0.5). An engine whose CDI library is older refuses a whole spec that has it.
type CDIField struct {
	Name string
	// Schema brought it.
	Schema string
	// Engine is the first Docker Engine that knows it.
	Engine string
	Source string
	Date   string
}

// CDIFields lists them, the oldest first.
func CDIFields() []CDIField {
	const (
		source = "tags.cncf.io/container-device-interface/specs-go v1.1.1, version.go: what each schema requires"
		gids   = source + "; NVIDIA/nvidia-container-toolkit#1860 and #1865"
		date   = "2026-11-27"
	)
	fields := []CDIField{
		{"annotations", "0.6.0", "", source, date},
		{"additionalGids", "0.7.0", "", gids, date},
		{"intelRdt", "0.7.0", "", source, date},
		{"netDevices", "1.1.0", "", source, date},
		{"schemata", "1.1.0", "", source, date},
		{"enableMonitoring", "1.1.0", "", source, date},
	}
	for i := range fields {
		fields[i].Engine = engineReading(fields[i].Schema)
	}
	return fields
}

// engineReading is the first engine that reads specs of a schema.
func engineReading(schema string) string {
	for _, e := range Engines() {
		if e.Schema != "" && Compare(e.Schema, schema) >= 0 {
			return e.From
		}
	}
	return ""
}
