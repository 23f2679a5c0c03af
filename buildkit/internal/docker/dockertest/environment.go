package dockertest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Environment returns a Getenv function for "KEY=value" words.
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

// Files writes files to a new folder and returns the folder.
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

// MetaFile returns the path of a context's meta.json in the docker command's folder.
func MetaFile(context string) string { return "contexts/meta/" + contextID(context) + "/meta.json" }

// TLSFile returns the path of a context's certificate file in the docker command's folder.
func TLSFile(context, file string) string {
	return "contexts/tls/" + contextID(context) + "/docker/" + file
}

func contextID(context string) string {
	sum := sha256.Sum256([]byte(context))
	return hex.EncodeToString(sum[:])
}
