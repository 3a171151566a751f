package policy

import "slices"

// Xid is an error code that NVIDIA's driver writes to the kernel log.
type Xid struct {
	Code int
	// Meaning is what happened, in a few words.
	Meaning string
	// Fault is whose fault it is most of the time: one of the Fault constants.
	Fault string
	// Action is what NVIDIA says to do at once, one of the Action constants; "" where it says nothing.
	Action string
	// Severity is "error" where the GPU cannot be used or trusted as it is, "warning"
	// where somebody must look, "note" where the host is well.
	Severity string
}

// Whose fault an Xid is.
const (
	FaultApplication = "application"
	FaultDriver      = "driver or firmware"
	FaultHardware    = "hardware"
	FaultMemory      = "GPU memory"
	FaultNVLink      = "NVLink"
	FaultPower       = "power supply"
	FaultNone        = "nobody: it tells of another event"
)

// What NVIDIA says to do at once ("Resolution Bucket (Immediate Action)").
const (
	ActionIgnore     = "IGNORE"
	ActionRestartApp = "RESTART_APP"
	ActionResetGPU   = "RESET_GPU"
	ActionRestartVM  = "RESTART_VM"
	ActionReboot     = "RESTART_BM"
	ActionMechanical = "CHECK_MECHANICALS"
	ActionSupport    = "CONTACT_SUPPORT"
	ActionUpdate     = "UPDATE_SWFW"
	ActionECC        = "WORKFLOW_XID_48"
	ActionNVLink     = "WORKFLOW_NVLINK_ERR"
	ActionNVLink5    = "WORKFLOW_NVLINK5_ERR"
	ActionCleanup    = "WORKFLOW_XID_45"
	ActionRecovery   = "XID_154"
	ActionUVM        = "CHECK_UVM"
)

// Where the table of Xids comes from. Codes that the catalogue calls unused are not in the
// table, but 108: it names another code's workflow there.
const (
	XidSource = "https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html"
	// As mirrored in leptonai/gpud components/accelerator/nvidia/xid/catalog_generated.go of
	// 2025-10-29, commit 73e270e3e0fd, held against it code by code; severities are ours.
	XidDate = "2026-11-27"
)

// LookupXid is what is known of a code.
func LookupXid(code int) (Xid, bool) {
	i := slices.IndexFunc(xids(), func(x Xid) bool { return x.Code == code })
	if i < 0 {
		return Xid{}, false
	}
	return xids()[i], true
}

// Xids is the whole table, by code.
func Xids() []Xid { return xids() }

func xids() []Xid {
	out := []Xid{
		{8, "the GPU stopped processing", FaultApplication, ActionRestartApp, "warning"},
		{11, "a corrupted command buffer", FaultApplication, ActionRestartApp, "note"},
		{13, "a graphics or compute engine exception: most often an illegal access or instruction of a program", FaultApplication, ActionRestartApp, "note"},
		{25, "an illegal command buffer", FaultApplication, ActionRestartApp, "note"},
		{31, "a memory page fault: a program touched an address that is not its own", FaultApplication, ActionRestartApp, "note"},
		{32, "a corrupted command buffer", FaultApplication, ActionRestartApp, "note"},
		{37, "a driver firmware error", FaultDriver, ActionIgnore, "note"},
		{38, "a driver firmware error", FaultDriver, ActionIgnore, "note"},
		{43, "the GPU stopped processing for one program, which ended", FaultApplication, ActionIgnore, "note"},
		{44, "a fault while contexts were switched", FaultDriver, ActionIgnore, "note"},
		{45, "a program's channels were removed after an earlier error", FaultApplication, ActionCleanup, "note"},
		{46, "the GPU stopped processing", FaultHardware, ActionResetGPU, "error"},
		{48, "a double-bit ECC error", FaultMemory, ActionECC, "error"},
		{54, "auxiliary power is not connected to the board", FaultPower, ActionMechanical, "error"},
		{60, "a video processor exception", FaultApplication, ActionRestartApp, "note"},
		{62, "an internal micro-controller halted", FaultHardware, ActionResetGPU, "error"},
		{63, "a row of memory was remapped or a page retired", FaultMemory, ActionIgnore, "note"},
		{64, "remapping a row of memory or retiring a page failed", FaultMemory, ActionResetGPU, "error"},
		{66, "an illegal access by the driver", FaultDriver, ActionIgnore, "note"},
		{67, "an illegal access by the driver", FaultDriver, ActionIgnore, "note"},
		{68, "a video decoder exception", FaultApplication, ActionRestartApp, "note"},
		{69, "a graphics engine class error", FaultApplication, ActionRestartApp, "note"},
		{74, "an NVLink error", FaultNVLink, ActionNVLink, "error"},
		{78, "a vGPU could not be started", FaultDriver, ActionUpdate, "warning"},
		{79, "the GPU has fallen off the bus", FaultHardware, ActionReboot, "error"},
		{80, "corrupted data were sent to the GPU", FaultApplication, ActionRestartApp, "warning"},
		{86, "an optical flow engine exception", FaultApplication, ActionRestartApp, "note"},
		{92, "a high rate of single-bit ECC errors", FaultMemory, ActionIgnore, "warning"},
		{93, "the InfoROM is written more often than it was made for", FaultHardware, ActionIgnore, "note"},
		{94, "a contained memory error: one program lost its data", FaultMemory, ActionRestartApp, "warning"},
		{95, "an uncontained memory error: all programs on the GPU may have wrong data", FaultMemory, ActionResetGPU, "error"},
		{106, "a test message", FaultNone, ActionIgnore, "note"},
		{107, "a test message", FaultNone, ActionIgnore, "note"},
		{108, "a remote NVLink translation error", FaultNVLink, ActionIgnore, "note"},
		{109, "switching contexts timed out", FaultHardware, ActionResetGPU, "error"},
		{110, "a security fault", FaultHardware, ActionResetGPU, "error"},
		{119, "the GPU's firmware (GSP) did not answer", FaultDriver, ActionResetGPU, "error"},
		{120, "the GPU's firmware (GSP) reported an error", FaultDriver, ActionResetGPU, "error"},
		{121, "an error on the link between CPU and GPU (C2C)", FaultHardware, ActionIgnore, "warning"},
		{136, "training an NVLink failed", FaultNVLink, ActionResetGPU, "error"},
		{137, "an NVLink privilege error", FaultNVLink, ActionIgnore, "note"},
		{139, "an optical flow engine exception", FaultApplication, ActionRestartApp, "note"},
		{140, "an unrecovered ECC error", FaultMemory, ActionResetGPU, "error"},
		{141, "a CUDA fast path error", FaultDriver, ActionIgnore, "note"},
		{142, "a video encoder error", FaultHardware, ActionSupport, "warning"},
		{143, "the GPU could not be initialised", FaultHardware, ActionResetGPU, "error"},
		{151, "a key rotation error (confidential computing)", FaultDriver, ActionRestartVM, "warning"},
		{152, "a DLA memory error", FaultDriver, ActionIgnore, "note"},
		{153, "a DLA timeout", FaultDriver, ActionIgnore, "note"},
		{154, "the recovery that the GPU needs has changed; the line names it", FaultNone, ActionRecovery, "note"},
		{155, "an NVLink error defined by software", FaultNVLink, ActionResetGPU, "error"},
		{156, "a part of the GPU was retired", FaultMemory, ActionResetGPU, "error"},
		{157, "a part of the GPU could not be retired", FaultMemory, ActionIgnore, "warning"},
		{158, "a fatal timeout of the GPU", FaultHardware, ActionResetGPU, "error"},
		{159, "an error on the CPU's coherent interconnect (CHI)", FaultHardware, ActionUVM, "warning"},
		{160, "a memory channel was retired", FaultMemory, ActionIgnore, "warning"},
		{161, "a memory channel could not be retired", FaultMemory, ActionIgnore, "warning"},
		{162, "power smoothing works again", FaultNone, "", "note"},
		{163, "power smoothing was switched off", FaultHardware, "", "warning"},
		{164, "power smoothing is near the end of its life", FaultHardware, "", "warning"},
		{165, "power smoothing has reached the end of its life", FaultHardware, "", "warning"},
		{166, "traffic on an NVLink before it was set up for encryption", FaultNVLink, "", "warning"},
		{167, "a fatal PCIe timeout", FaultHardware, "", "error"},
		{168, "the GPU has less memory than it should: errors in a protected region", FaultMemory, "", "warning"},
		{169, "an internal micro-controller halted", FaultHardware, "", "error"},
		{170, "an interrupt of an NVLink in confidential mode", FaultNVLink, "", "warning"},
		{171, "an uncorrectable error in DRAM: details of an Xid 48", FaultMemory, "", "warning"},
		{172, "an uncorrectable error in SRAM: details of an Xid 48", FaultMemory, "", "warning"},
	}
	same := func(meaning, fault, action, severity string, codes ...int) {
		for _, c := range codes {
			out = append(out, Xid{c, meaning, fault, action, severity})
		}
	}
	same("a copy engine exception", FaultApplication, ActionRestartApp, "note",
		39, 40, 41, 70, 71, 72, 75, 76, 77, 85, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135)
	same("a video decoder exception", FaultApplication, ActionRestartApp, "note", 83, 84, 88, 89, 96, 97, 98)
	same("a JPEG decoder exception", FaultApplication, ActionRestartApp, "note", 82, 99, 100, 101, 102, 103, 104, 105)
	same("an NVLink 5 error; its sub-code tells what to do", FaultNVLink, ActionNVLink5, "error", 144, 145, 146, 147, 148, 149, 150)
	slices.SortFunc(out, func(a, b Xid) int { return a.Code - b.Code })
	return out
}
