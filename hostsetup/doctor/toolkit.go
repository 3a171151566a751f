package doctor

func toolkitChecks() []Check { return nil }
