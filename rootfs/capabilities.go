package rootfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Capabilities is a set of capabilities(7) of a program's file. A process that executes the file has them, whoever its user is, as after
// "setcap NAMES=ep FILE". Bit n is the capability with the number n. The zero value is the empty set.
type Capabilities uint64

// capabilityNames are the names of the kernel, by their numbers.
// https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/capability.h?h=v6.12
var capabilityNames = [...]string{
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
	"net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace",
	"sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write",
	"audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
	"checkpoint_restore",
}

// capabilityPrefix begins each name.
const capabilityPrefix = "cap_"

// ParseCapabilities returns the set of some names: "cap_net_bind_service". As for "docker run --cap-add", case does not matter, and the
// prefix may be missing. A name that is there twice counts once.
func ParseCapabilities(names []string) (Capabilities, error) {
	var c Capabilities
	for _, name := range names {
		n := slices.Index(capabilityNames[:], strings.TrimPrefix(strings.ToLower(name), capabilityPrefix))
		if n < 0 {
			return 0, unknownCapability(name)
		}
		c |= 1 << n
	}
	return c, nil
}

// unknownCapability returns the error for a name that is none.
func unknownCapability(name string) error {
	word := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), capabilityPrefix)
	if word == "all" {
		return fmt.Errorf("%q is no capability\nfix: name those that the program needs, one by one", name)
	}
	word, _, _ = strings.Cut(strings.ReplaceAll(word, "+", "="), "=") // as setcap(8) takes it: "cap_net_raw=ep"
	if likely := likelyCapability(strings.ReplaceAll(word, "-", "_")); likely != "" {
		return fmt.Errorf("%q is no capability\nfix: write %q, if that is meant", name, capabilityPrefix+likely)
	}
	return fmt.Errorf("%q is no capability\nfix: write a name of capabilities(7), like \"cap_net_bind_service\"", name)
}

// likelyCapability returns the name that is most similar to a word: the only one with the word in it, else the one with the fewest other
// letters. It is "" if none is similar.
func likelyCapability(word string) string {
	var within []string
	likely, least := "", 1+len(word)/4
	for _, name := range capabilityNames {
		if strings.Contains(name, word) {
			within = append(within, name)
		}
		if off := editDistance(word, name); off <= least {
			likely, least = name, off-1
		}
	}
	if len(within) == 1 {
		return within[0]
	}
	return likely
}

// Names returns the names in the order of their numbers: "cap_net_bind_service".
func (c Capabilities) Names() []string {
	var names []string
	for n, name := range capabilityNames {
		if c&(1<<n) != 0 {
			names = append(names, capabilityPrefix+name)
		}
	}
	return names
}

// String returns the names as setcap(8) takes them, separated by commas.
func (c Capabilities) String() string { return strings.Join(c.Names(), ",") }

// capabilityRecord is the PAX record in which layers have the capabilities of a file: star's prefix, and the extended attribute in which the
// kernel stores them.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#file-attributes
const capabilityRecord = "SCHILY.xattr.security.capability"

// attribute returns the bytes of the extended attribute: struct vfs_cap_data of linux/capability.h, little endian. It has the revision with
// the flag "effective", then the permitted and the inheritable capabilities of the numbers below 32, then those above.
func (c Capabilities) attribute() string {
	const revision2, effective = 0x02000000, 1 // VFS_CAP_REVISION_2, VFS_CAP_FLAGS_EFFECTIVE
	b := binary.LittleEndian.AppendUint32(nil, revision2|effective)
	for _, permitted := range []uint32{uint32(c), uint32(c >> 32)} {
		b = binary.LittleEndian.AppendUint32(b, permitted)
		b = binary.LittleEndian.AppendUint32(b, 0)
	}
	return string(b)
}

// check returns an error if an entry cannot make use of its capabilities.
func (c Capabilities) check(e Entry) error {
	switch {
	case c == 0:
		return nil
	case !e.Mode.IsRegular():
		return fmt.Errorf("it is a %s, and only the file of a program has Capabilities\nfix: name the program in From, or leave Capabilities out", kindOf(e.Mode.Type()))
	case e.Mode&0o111 == 0:
		return errors.New("it has Capabilities, and nobody can execute it\nfix: set Mode to 0o755, or leave Capabilities out")
	}
	return nil
}
