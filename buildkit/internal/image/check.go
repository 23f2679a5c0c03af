package image

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// normalise returns c in the form in which an image keeps it. It fails on the first value that engines can't use.
func (c Config) normalise() (Config, error) {
	// Copies, so that later changes by the caller do not reach the image.
	c.Entrypoint, c.Cmd, c.Labels = slices.Clone(c.Entrypoint), slices.Clone(c.Cmd), maps.Clone(c.Labels)
	c.Created = wholeSeconds(c.Created)
	// Errors are reported in this order: first what the image is, last how it is stopped.
	for _, step := range []func(*Config) error{
		checkPlatform, checkCommand, checkEnv, checkUser, checkFolders, checkPorts, checkLabels, checkHealth, checkSignal,
	} {
		if err := step(&c); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}

// invalid returns the error for a value of the configuration: the purpose, the value, what is wrong, the fix.
func invalid(act, value, wrong, fix string) error {
	return fmt.Errorf("%s %q: %s\nfix: %s", act, value, wrong, fix)
}

// checkText refuses what JSON or execve(2) would change or cut.
func checkText(act, value string) error {
	if !utf8.ValidString(value) {
		return invalid(act, value, "it is not UTF-8", "write it in UTF-8")
	}
	if strings.ContainsRune(value, 0) {
		return invalid(act, value, "it has a NUL byte", "remove the byte")
	}
	return nil
}

// isWord reports whether s has only lower-case letters and digits, like Go's names of systems and architectures.
func isWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// checkPlatform rejects names of uname(1) and Docker's "linux/amd64". Otherwise the engine decides what the words mean.
func checkPlatform(c *Config) error {
	if c.Platform.OS == "" { // not the GOOS of the host, which would be wrong on a Mac
		c.Platform.OS = "linux"
	}
	if !isWord(c.Platform.OS) {
		return invalid("setting the system", c.Platform.OS, "it is not a GOOS", `name it as Go does, like "linux"`)
	}
	if !isWord(c.Platform.Architecture) {
		return invalid("setting the architecture", c.Platform.Architecture, "it is not a GOARCH",
			`name it as Go does, like "amd64" or "arm64"`)
	}
	if v := c.Platform.Variant; v != "" && (v[0] != 'v' || !isWord(strings.ReplaceAll(v, ".", ""))) {
		return invalid("setting the variant", v, "it is not a variant", `write it like "v7" or leave it empty`)
	}
	return nil
}

// checkCommand allows an image without a command: one that only carries files.
func checkCommand(c *Config) error {
	for _, arg := range slices.Concat(c.Entrypoint, c.Cmd) {
		if err := checkText("setting the argument", arg); err != nil {
			return err
		}
	}
	if command := slices.Concat(c.Entrypoint, c.Cmd); len(command) > 0 && command[0] == "" {
		return invalid("setting the program", "", "its name is empty", "put the program first")
	}
	return nil
}

// checkEnv requires names that can be separated from their values; beyond that POSIX lets programs use any character.
// https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html
func checkEnv(c *Config) error {
	const act = "setting the variable"
	// Sorted by name and not by the pair, where "A1=" comes before "A=". A name that is set twice then has its two
	// pairs next to each other.
	c.Env = slices.Clone(c.Env)
	slices.SortStableFunc(c.Env, func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
	for i, pair := range c.Env {
		name := nameOf(pair) // errors show no more than the name: a value may be a secret
		if name == "" || name == pair {
			return invalid(act, name, "it is not NAME=value", `write it as "NAME=value"`)
		}
		if err := checkText(act, name); err != nil {
			return err
		}
		if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			return invalid(act, name, "the name has a space", "write it without spaces around the name")
		}
		if i > 0 && nameOf(c.Env[i-1]) == name {
			return invalid(act, name, "it is set twice", "set it once")
		}
		if checkText(act, pair) != nil {
			return invalid(act, name, "its value is not text: not UTF-8, or with a NUL byte", "put the bytes into a file of the image")
		}
	}
	return nil
}

// nameOf returns the name in NAME=value, or all of a text without "=".
func nameOf(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return name
}

// checkUser checks the form only. The image's passwd decides whether a name exists.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties
func checkUser(c *Config) error {
	if err := checkText("setting the user", c.User); err != nil {
		return err
	}
	// A group without a user, or half of a pair, is read in different ways by different engines.
	user, group, both := strings.Cut(c.User, ":")
	bad := strings.Contains(group, ":") || strings.ContainsFunc(c.User, unicode.IsSpace) ||
		both && (user == "" || group == "")
	if bad {
		return invalid("setting the user", c.User, "it is not a user", `write it like "65534", "65534:65534" or "name:group"`)
	}
	return nil
}

// checkFolders cleans the paths. Every engine refuses a volume at the root when it creates a container.
func checkFolders(c *Config) error {
	if c.Workdir != "" {
		dir, err := cleanFolder("setting the working directory", c.Workdir)
		if err != nil {
			return err
		}
		c.Workdir = dir
	}
	volumes := make([]string, 0, len(c.Volumes))
	for _, volume := range c.Volumes {
		dir, err := cleanFolder("declaring the volume", volume)
		if err != nil {
			return err
		}
		if dir == "/" {
			return invalid("declaring the volume", volume, "the root folder cannot be a volume", "name a folder below it")
		}
		volumes = append(volumes, dir)
	}
	slices.Sort(volumes)
	c.Volumes = slices.Compact(volumes)
	return nil
}

// cleanFolder cleans a path in the image. It uses slashes on every host system.
func cleanFolder(act, folder string) (string, error) {
	if err := checkText(act, folder); err != nil {
		return "", err
	}
	if !path.IsAbs(folder) {
		return "", invalid(act, folder, "it is not an absolute path", "begin it with a slash")
	}
	return path.Clean(folder), nil
}

// checkLabels sorts by name, so that of two bad labels the same one is always reported.
func checkLabels(c *Config) error {
	const act = "setting the label"
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		if name == "" {
			return invalid(act, name, "its name is empty", "give it a name")
		}
		for _, text := range []string{name, c.Labels[name]} {
			if err := checkText(act, text); err != nil {
				return err
			}
		}
	}
	return nil
}
