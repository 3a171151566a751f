package doctor

func versionChecks() []Check { return nil }
