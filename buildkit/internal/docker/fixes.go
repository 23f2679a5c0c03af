package docker

import (
	"strings"

	"github.com/containerd/errdefs"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Engines report failures only as text: the words of runc, crun or the kernel. This file adds a fix line to the known
// ones. The engine's own text is always shown.

// sendAll is the fix if the archive left out layers that the engine lacks.
const sendAll = "load it with all of its layers"

// loadFix adds the fix to the error about an incomplete archive.
func loadFix(err error) error {
	text := strings.ToLower(err.Error())
	switch {
	case strings.Contains(text, "blobs/sha256/") && strings.Contains(text, "no such file"), // graph drivers, podman
		strings.Contains(text, "layer tarfiles are missing"),             // podman
		strings.Contains(text, "doesn't provide the requested platform"), // containerd image store, API 1.48
		strings.Contains(text, "some content is missing"):
		return Advise(err, sendAll)
	}
	return err
}

// createFix adds the fix to the error about a container that was not created.
func createFix(err error, req RunRequest) error {
	text := strings.ToLower(err.Error())
	switch {
	case errdefs.IsConflict(err), strings.Contains(text, "name is already in use"):
		return Advise(err, "remove the container of this name (docker rm -f "+plaintext.Shell(req.Name)+"), or choose another name")
	case errdefs.IsNotFound(err) && !strings.Contains(text, "network"):
		return Advise(err, "load the image first: the engine does not have it, and nothing is pulled")
	case strings.Contains(text, "no command specified"):
		return Advise(err, "give the image an entrypoint")
	}
	return networkFix(err, text)
}

// startFix adds the fix to the error about a container that did not start.
func startFix(err error) error {
	if err == nil {
		return nil
	}
	text := strings.ToLower(err.Error())
	if strings.Contains(text, "exec") { // "exec: …", "executable file": the runtime got as far as the program
		if fixed := execFix(err, text); fixed != nil {
			return fixed
		}
	}
	return networkFix(err, text)
}

// execFix adds the fix to the error about a program that can't be executed. It returns nil if text is about something else.
func execFix(err error, text string) error {
	switch {
	case strings.Contains(text, "exec format error"):
		return Advise(err, "build the program for the engine's platform (Platform, IMAGE_PLATFORM), or install qemu-user-static where the engine runs")
	case strings.Contains(text, "permission denied"):
		return Advise(err, "let the image's user execute the program: mode 0755 on it and on the folders above")
	case strings.Contains(text, "not found"), strings.Contains(text, "no such file"):
		return Advise(err, "put the program into the image at exactly this path, and its interpreter (loader) too if it is dynamically linked")
	}
	return nil
}

// networkFix adds the fix to an error about published ports or networks. It returns other errors as they are.
func networkFix(err error, text string) error {
	switch {
	case strings.Contains(text, "port is already allocated"), strings.Contains(text, "address already in use"):
		return Advise(err, "stop what uses the port (docker ps, ss -ltnp)")
	case strings.Contains(text, "cannot expose privileged port"), strings.Contains(text, "bind: permission denied"):
		return Advise(err, "publish a host port from 1024 on: this engine runs without root")
	case strings.Contains(text, "cannot assign requested address"):
		return Advise(err, "publish on an address that the engine's host has")
	case strings.Contains(text, "network") && strings.Contains(text, "not found"):
		return Advise(err, "create the network (docker network create), or choose another")
	}
	return err
}
