package policy

// CDISchemaField is a field of CDI specs and the schema that brought it. An engine whose
// CDI library is older refuses a whole spec that has it.
type CDISchemaField struct {
	Name   string
	Since  string
	Source string
	Date   string
}

// CDISchemaFields lists the fields that came after the first schemas that engines took (0.5).
func CDISchemaFields() []CDISchemaField {
	const (
		source = "tags.cncf.io/container-device-interface v1.1.1, specs-go/config.go and version.go"
		date   = "2026-11-24"
	)
	return []CDISchemaField{
		{"annotations", "0.6.0", source, date},
		{"additionalGids", "0.7.0", source, date},
		{"intelRdt", "0.7.0", source, date},
		{"netDevices", "1.1.0", source, date},
		{"schemata", "1.1.0", source, date},
		{"enableMonitoring", "1.1.0", source, date},
	}
}
