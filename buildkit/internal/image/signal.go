package image

import (
	"slices"
	"strconv"
	"strings"
)

// signalNames are the standard signals of Linux without their prefix, signal(7). Engines know these names on every
// architecture, although the numbers differ.
const signalNames = "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP " +
	"SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ"

// checkSignal converts a name to the form of the specification, SIGNAME, like SIGKILL or SIGRTMIN+3. A number stays one.
func checkSignal(c *Config) error {
	if c.StopSignal == "" {
		return nil
	}
	if n, err := strconv.ParseUint(c.StopSignal, 10, 8); err == nil && n >= 1 && n <= 64 {
		c.StopSignal = strconv.FormatUint(n, 10)
		return nil
	}
	name := strings.TrimPrefix(strings.ToUpper(c.StopSignal), "SIG")
	if !slices.Contains(strings.Fields(signalNames), name) && !realTimeSignal(name) {
		return invalid("setting the stop signal", c.StopSignal, "Linux has no such signal", `write it like "SIGINT" or "SIGRTMIN+3"`)
	}
	c.StopSignal = "SIG" + name
	return nil
}

// realTimeSignal reports whether name is a real-time signal as kill(1) spells it: from RTMIN up to RTMIN+15, and from
// RTMAX down to RTMAX-14. The two signals that libc reserves are not among them.
func realTimeSignal(name string) bool {
	count, limit := "", uint64(0)
	switch {
	case name == "RTMIN" || name == "RTMAX":
		return true
	case strings.HasPrefix(name, "RTMIN+"):
		count, limit = strings.TrimPrefix(name, "RTMIN+"), 15
	case strings.HasPrefix(name, "RTMAX-"):
		count, limit = strings.TrimPrefix(name, "RTMAX-"), 14
	}
	n, err := strconv.ParseUint(count, 10, 8)
	return err == nil && n >= 1 && n <= limit && !strings.HasPrefix(count, "0")
}
