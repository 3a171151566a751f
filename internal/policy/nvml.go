package policy

import "strings"

// The words that NVML and nvidia-smi have for the state of a GPU. Both tell the same
// facts, NVML as numbers and nvidia-smi as text; a row has both.
const (
	nvmlHeader = "nvml.h of CUDA 13 as in go-nvml v0.13.4-1"
	smiLog     = "nvidia-smi -q -x of drivers 515, 535 and 590 (influxdata/telegraf testdata)"
	nvmlDate   = "2026-11-24"
)

// Architecture is what NVML's nvmlDeviceArchitecture_t says.
type Architecture struct {
	Code   uint32
	Name   string // nvidia-smi prints the same, but "Ada Lovelace"
	Source string
	Date   string
}

// Architectures are the architectures of GPUs; codes between belong to other chips.
func Architectures() []Architecture {
	const source = "NVML_DEVICE_ARCH_* of " + nvmlHeader
	return []Architecture{
		{2, "Kepler", source, nvmlDate},
		{3, "Maxwell", source, nvmlDate},
		{4, "Pascal", source, nvmlDate},
		{5, "Volta", source, nvmlDate},
		{6, "Turing", source, nvmlDate},
		{7, "Ampere", source, nvmlDate},
		{8, "Ada", source, nvmlDate},
		{9, "Hopper", source, nvmlDate},
		{10, "Blackwell", source, nvmlDate},
		{13, "Rubin", source, nvmlDate},
	}
}

// ArchitectureName is the name of a code, "" for one that is not known.
func ArchitectureName(code uint32) string {
	for _, a := range Architectures() {
		if a.Code == code {
			return a.Name
		}
	}
	return ""
}

// ArchitectureOf is the name for nvidia-smi's: "Ada" for "Ada Lovelace"; what is not
// known stays as it is.
func ArchitectureOf(said string) string {
	first, _, _ := strings.Cut(said, " ")
	for _, a := range Architectures() {
		if a.Name == first {
			return first
		}
	}
	return said
}

// ClockReason is something that holds a GPU's clocks down.
type ClockReason struct {
	// Word is what host.Clocks calls it.
	Word string
	// Bit is its bit in NVML's mask of clocks event reasons.
	Bit uint64
	// Field is NVML's field that counts the nanoseconds it was active, 0 if there is none.
	Field uint32
	// SMI ends the element clocks_event_reason_* (clocks_throttle_reason_* before R535),
	// SMICounter the element clocks_event_reasons_counters_*; "" if there is none.
	SMI, SMICounter string
	Source          string
	Date            string
}

// ClockReasons lists them by their bits.
func ClockReasons() []ClockReason {
	const (
		source = "NVML's clocks event reasons and NVML_FI_DEV_CLOCKS_EVENT_REASON_* of " + nvmlHeader + "; " + smiLog
		bits   = "NVML's clocks event reasons of " + nvmlHeader
	)
	return []ClockReason{
		{"gpu_idle", 1, 0, "gpu_idle", "", source, nvmlDate},
		{"applications", 2, 0, "applications_clocks_setting", "", source, nvmlDate},
		{"sw_power_cap", 4, 74, "sw_power_cap", "sw_power_cap", source, nvmlDate},
		{"hw_slowdown", 8, 0, "hw_slowdown", "", source, nvmlDate},
		{"sync_boost", 16, 76, "sync_boost", "sync_boost", source, nvmlDate},
		{"sw_thermal", 32, 269, "sw_thermal_slowdown", "sw_therm_slowdown", source, nvmlDate},
		{"hw_thermal", 64, 270, "hw_thermal_slowdown", "hw_therm_slowdown", source, nvmlDate},
		{"hw_power_brake", 128, 271, "hw_power_brake_slowdown", "hw_power_brake", source, nvmlDate},
		{"display", 256, 0, "display_clocks_setting", "", source, nvmlDate},
		{"board_limit", 512, 77, "", "", bits, nvmlDate},
		{"reliability", 1024, 79, "", "", bits, nvmlDate},
	}
}

// RecoveryAction is what a GPU needs to work again.
type RecoveryAction struct {
	// Code is NVML's nvmlDeviceGpuRecoveryAction_t (field 230).
	Code uint32
	// Word is what host.GPU calls it, SMI what nvidia-smi prints; "" where that is not known.
	Word, SMI string
	Source    string
	Date      string
}

// RecoveryActions lists them by their codes.
func RecoveryActions() []RecoveryAction {
	const (
		source = "NVML_GPU_RECOVERY_ACTION_* of " + nvmlHeader
		smi    = source + "; manual page of nvidia-smi, GPU Recovery Action"
	)
	return []RecoveryAction{
		{0, "none", "None", smi, nvmlDate},
		{1, "gpu-reset", "Reset", smi, nvmlDate},
		{2, "node-reboot", "Reboot", smi, nvmlDate},
		{3, "drain-p2p", "Drain P2P", smi, nvmlDate},
		{4, "drain-and-reset", "Drain and Reset", smi, nvmlDate},
		{5, "recover-imex-domain", "", source, nvmlDate},
		{6, "bus-reset", "", source, nvmlDate},
		{7, "system-reboot", "", source, nvmlDate},
	}
}

// RecoveryWord is the word for NVML's code or nvidia-smi's text, "" for one not known.
func RecoveryWord[T uint32 | string](said T) string {
	for _, a := range RecoveryActions() {
		switch v := any(said).(type) {
		case uint32:
			if v == a.Code {
				return a.Word
			}
		case string:
			if a.SMI != "" && strings.EqualFold(v, a.SMI) || strings.EqualFold(v, a.Word) {
				return a.Word
			}
		}
	}
	return ""
}
