package resolve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/regular"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// maxSecret is the largest file of a secret, as for secrets of BuildKit and Docker
// (https://docs.docker.com/engine/swarm/secrets/#about-secrets), in bytes.
const maxSecret = 500 << 10

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secrets reads the Secrets of a Config. Their files are relative to the module's folder.
func (in Inputs) secrets(m gobuild.Module, c config.Config) ([]gobuild.Secret, error) {
	var list []gobuild.Secret
	for _, word := range c.Build.Secrets {
		name, file, isFile := strings.Cut(word, "=")
		wrong := func(what, fix string) error {
			return &report.ConfigError{Err: fmt.Errorf("the entry %q of Build.Secrets (%s) %s\nfix: %s", word, c.Origin, what, fix)}
		}
		if !variableName.MatchString(name) || isFile && file == "" {
			if !isFile || !variableName.MatchString(name) {
				word = "…" // perhaps the secret itself
			}
			return nil, wrong("is neither a variable nor a variable and a file", `write "TOKEN", and set the variable TOKEN; or "TOKEN_FILE=path/of/the/file"`)
		}
		secret := gobuild.Secret{Name: name, Value: in.getenv(name)}
		if isFile {
			if !filepath.IsAbs(file) {
				file = filepath.Join(m.Dir, filepath.FromSlash(file))
			}
			text, err := readSecret(file)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENAMETOOLONG) {
				word, err = name+"=…", errors.New("there is no such file") // what follows the name may be the secret itself
			}
			if err != nil {
				return nil, wrong("cannot be read: "+err.Error(), "write the file, or correct its path")
			}
			secret.Value, secret.File = file, text
		} else if secret.Value == "" {
			return nil, wrong("is a variable that is not set", "set it, or leave it out of Build.Secrets")
		}
		list = append(list, secret)
	}
	return list, nil
}

// readSecret reads the file of a secret.
func readSecret(path string) (text string, err error) {
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", err
	case len(content) > maxSecret:
		return "", fmt.Errorf("%q has more than %d bytes", path, maxSecret)
	case len(content) == 0:
		return "", fmt.Errorf("%q is empty", path)
	}
	return string(content), nil
}
