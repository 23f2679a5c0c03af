package assemble

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// dockerCapabilities are those that Docker gives to a container by default, in moby's oci/caps. containerd gives the same ones in Kubernetes.
// https://github.com/moby/moby/blob/v28.5.2/oci/caps/defaults.go
var dockerCapabilities = []string{
	"cap_chown", "cap_dac_override", "cap_fsetid", "cap_fowner", "cap_mknod", "cap_net_raw", "cap_setgid", "cap_setuid", "cap_setfcap",
	"cap_setpcap", "cap_net_bind_service", "cap_sys_chroot", "cap_kill", "cap_audit_write",
}

// Capabilities returns notes about the capabilities of files: what the kernel does with them depends on the container and on the user.
func Capabilities(p plan.Image, tree *rootfs.Tree) (notes []string) {
	for _, e := range tree.Entries() {
		if e.Capabilities == 0 {
			continue
		}
		if more := beyondDocker(e.Capabilities); len(more) > 0 {
			notes = append(notes, plaintext.Sprintf("warning: %s has %s, which engines give to no container by default: the kernel does not start it there (operation not permitted)\nfix: run the image with --cap-add=%s, in Kubernetes with securityContext.capabilities.add; imageRun and imageDev do it themselves",
				e.Path, strings.Join(more, " and "), strings.Join(engineNames(more), ",")))
		}
		if isScript(e) {
			notes = append(notes, plaintext.Sprintf("warning: %s is a script, and the kernel ignores the Capabilities of scripts\nfix: give them to a program; those of an interpreter are for every script", e.Path))
		}
	}
	if user, err := p.Files.ImageUser(); err == nil && user.UID == 0 && p.Capabilities() != 0 {
		notes = append(notes, plaintext.Sprintf("warning: Capabilities (%s) change nothing for root, who runs the program here and has all that the container may have\nfix: leave User or Capabilities out", p.Origin))
	}
	return notes
}

// beyondDocker returns the names of capabilities that a container has not by default.
func beyondDocker(c rootfs.Capabilities) []string {
	return slices.DeleteFunc(c.Names(), func(name string) bool { return slices.Contains(dockerCapabilities, name) })
}

// engineNames returns the names as engines and Kubernetes write them: "NET_ADMIN".
func engineNames(names []string) []string {
	var list []string
	for _, name := range names {
		list = append(list, strings.ToUpper(strings.TrimPrefix(name, "cap_")))
	}
	return list
}

// isScript reports whether an interpreter executes a file, see execve(2).
func isScript(e rootfs.Entry) bool {
	r, err := e.Source.Open()
	if err != nil {
		return false // whoever copies the file reports it
	}
	defer r.Close()
	head, err := io.ReadAll(io.LimitReader(r, 2))
	return err == nil && bytes.Equal(head, []byte("#!"))
}
