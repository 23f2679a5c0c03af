package dockertest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Environment makes a Getenv of "KEY=value" words.
func Environment(words ...string) func(string) string {
	return func(name string) string {
		for _, w := range words {
			if key, value, _ := strings.Cut(w, "="); key == name {
				return value
			}
		}
		return ""
	}
}

// Files writes files below a new folder.
func Files(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// MetaFile is where the docker command's folder describes a context.
func MetaFile(context string) string { return "contexts/meta/" + contextID(context) + "/meta.json" }

// TLSFile is where the docker command's folder has a file of a context's certificates.
func TLSFile(context, file string) string {
	return "contexts/tls/" + contextID(context) + "/docker/" + file
}

func contextID(context string) string {
	sum := sha256.Sum256([]byte(context))
	return hex.EncodeToString(sum[:])
}
