package measure

import (
	"os"
	"runtime"
	"strings"
)

// Processor returns the model name (proc_cpuinfo(5)).
func Processor() string {
	for _, line := range strings.Split(FileText("/proc/cpuinfo"), "\n") {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// Load returns the machine's load over the last minute (proc_loadavg(5)).
func Load() string { return strings.SplitN(FileText("/proc/loadavg"), " ", 2)[0] }

// FileText returns a file's text, or "unknown" if there is no such file.
func FileText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}
