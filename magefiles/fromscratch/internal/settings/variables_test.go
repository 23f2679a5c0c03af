package settings

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An unknown IMAGE_ variable is a warning, with the known one that it resembles.
func TestUnknownVariables(t *testing.T) {
	for _, tt := range []struct{ variable, likely string }{
		{"IMAGE_PLATFROM", "IMAGE_PLATFORM"}, {"IMAGE_PLATFORMS", "IMAGE_PLATFORM"}, {"IMAGE_REPOS", "IMAGE_REPO"},
		{"IMAGE_TGA", "IMAGE_TAG"}, {"IMAGE_TAGS", "IMAGE_TAG"}, {"IMAGE_OUPUT", "IMAGE_OUTPUT"},
		{"IMAGE_REGISTRY_HTTPS", "IMAGE_REGISTRY_HTTP"}, {"IMAGE_DEVSWAP", "IMAGE_DEV_SWAP"},
		{"IMAGE_SOMETHING", ""}, {"IMAGE_", ""}, {"IMAGE_MAGICK_HOME", ""},
	} {
		text := strings.Join(Unknown([]string{"PATH=/bin", "IMAGE_TAG=x", tt.variable + "=\x1b[2J"}), "\n")
		if strings.Count(text, "warning: ") != 1 || !strings.Contains(text, `"`+tt.variable+`"`) || !strings.Contains(text, "fix: ") || strings.Contains(text, "\x1b") {
			t.Errorf("%s: the warning is %q", tt.variable, text)
		}
		if got := likelyVariable(tt.variable); got != tt.likely || !strings.Contains(text, tt.likely) {
			t.Errorf("%s: the likely variable is %q, want %q; the warning is %q", tt.variable, got, tt.likely, text)
		}
	}
	for _, name := range variables {
		if warnings := Unknown([]string{name + "=x"}); warnings != nil {
			t.Errorf("known variables have the warnings %q", warnings)
		}
	}
}

// Every IMAGE_ variable in the code and the README is known, and docs/environment.md has every known one.
func TestKnownVariables(t *testing.T) {
	name := regexp.MustCompile(`\bIMAGE_[A-Z]+(_[A-Z]+)*\b`)
	page, err := os.ReadFile("../../../../docs/environment.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range variables {
		if !strings.Contains(string(page), "`"+known) {
			t.Errorf("docs/environment.md does not have %s", known)
		}
	}
	for _, root := range []string{"../../../../README.md", "../../../../buildkit", "../../../targets", "../.."} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && path != root {
				return err
			}
			content, err := os.ReadFile(path)
			for _, found := range name.FindAllString(string(content), -1) {
				if !slices.Contains(variables, found) && renamed[found] == "" {
					t.Errorf("%s has the unknown variable %s", path, found)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
