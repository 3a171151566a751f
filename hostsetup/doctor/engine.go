package doctor

func engineChecks() []Check { return nil }
