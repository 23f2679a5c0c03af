// Package ci says to a CI service how a target ended, in the ways that the service shows beside the source: annotations and the
// job's summary of GitHub, the code quality report of GitLab. In comes the environment, an error's text and the images; out go lines
// for stderr, and files that the service names. Outside of such a service it does nothing.
package ci

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/document"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Service is a CI service that a target runs in.
type Service struct {
	dir         string // the target runs here; places in errors are relative to it
	workspace   string // root of the checkout; places that are shown are relative to it
	annotations bool   // GitHub shows lines of the output as annotations
	summary     string // GitHub's file for the job's summary, or ""
	quality     string // GitLab's code quality report, or ""
}

// Find reads the environment. dir is the folder that the target runs in.
func Find(dir string, getenv func(string) string) Service {
	s := Service{dir: dir, quality: getenv("IMAGE_CODE_QUALITY")}
	if getenv("GITHUB_ACTIONS") == "true" {
		s.annotations, s.summary, s.workspace = true, getenv("GITHUB_STEP_SUMMARY"), getenv("GITHUB_WORKSPACE")
	} else {
		s.workspace = getenv("CI_PROJECT_DIR")
	}
	return s
}

// place is an error at a line of a source file.
type place struct {
	file         string // relative to the root of the checkout, with slashes; "" if the error names none
	line, column string // "" if not known
	text         string
}

var (
	atStart  = regexp.MustCompile(`^(\S+?\.(?:go|ya?ml|json)):(\d+)(?::(\d+))?: (.+)$`)
	anywhere = regexp.MustCompile(`([^\s():]+\.go):(\d+)(?::(\d+))?`)
)

// places returns where an error is: each line of the compiler's or of an error in manifests, or else the first place that the text names and that there is.
func (s Service) places(text string) (list []place) {
	for _, line := range strings.Split(text, "\n") {
		if m := atStart.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			if file, ok := s.file(m[1]); ok {
				list = append(list, place{file, m[2], m[3], m[4]})
			}
		}
	}
	if len(list) > 0 {
		return list
	}
	for _, m := range anywhere.FindAllStringSubmatch(text, -1) {
		if file, ok := s.file(m[1]); ok {
			return []place{{file, m[2], m[3], text}}
		}
	}
	return []place{{text: text}}
}

// file returns the name that the service has for a file, and whether the checkout has it.
func (s Service) file(name string) (string, bool) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	root := s.workspace
	if root == "" {
		root = s.dir
	}
	rel, err := filepath.Rel(root, path)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false // of the Go distribution or another module
	}
	return filepath.ToSlash(rel), true
}

// maxAnnotations is how many errors GitHub shows of a step
// (https://docs.github.com/en/actions/reference/limits: ten of each kind).
const maxAnnotations = 10

// Annotations returns the lines by which GitHub shows an error beside the source, "" elsewhere
// (https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions#setting-an-error-message).
func (s Service) Annotations(target, text string) string {
	if !s.annotations || text == "" {
		return ""
	}
	var b strings.Builder
	for i, p := range s.places(text) {
		if i == maxAnnotations {
			break
		}
		properties := "title=" + property(target)
		if p.file != "" {
			properties = "file=" + property(p.file) + ",line=" + p.line + "," + properties
			if p.column != "" {
				properties += ",col=" + p.column
			}
		}
		fmt.Fprintf(&b, "::error %s::%s\n", properties, data(p.text))
	}
	return b.String()
}

// data and property escape a value as the runner reads it
// (https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts).
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}

// Write adds to the job's summary and writes the code quality report, as far as the service has them. text is the error, "" after
// success: then the report is empty, and one of an earlier run does not stay.
func (s Service) Write(target, text string, images []document.Image) error {
	var errs error
	if s.summary != "" {
		if err := appendTo(s.summary, summary(target, text, images)); err != nil {
			errs = fmt.Errorf("adding to the job's summary in GITHUB_STEP_SUMMARY: %w", err)
		}
	}
	if s.quality != "" {
		if err := s.writeQuality(target, text); err != nil {
			errs = errors.Join(errs, fmt.Errorf("writing the report in IMAGE_CODE_QUALITY: %w\nfix: name a file in a folder that exists and can be written, or unset it", err))
		}
	}
	return errs
}

func appendTo(path, text string) error {
	if text == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// summary returns the images as a table in GitHub's Markdown, and the error.
func summary(target, text string, images []document.Image) string {
	var b strings.Builder
	if len(images) > 0 {
		fmt.Fprintf(&b, "### %s\n\n| image | platform | size | result |\n|---|---|---:|---|\n", cell(target))
		for _, i := range images {
			results := i.Pushed
			if len(results) == 0 {
				results = i.Paths
			}
			if len(results) == 0 {
				results = []string{i.Reference, i.Digest}
			}
			var cells []string
			for _, r := range results {
				if r != "" {
					cells = append(cells, "`"+cell(r)+"`")
				}
			}
			size := ""
			if len(i.Layers) > 0 {
				size = buildkit.Size(i.Size)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cell(i.Name), cell(i.Platform), size, strings.Join(cells, "<br>"))
		}
		b.WriteByte('\n')
	}
	if text != "" {
		fmt.Fprintf(&b, "### %s failed\n\n%s\n\n", cell(target), indented(text))
	}
	return b.String()
}

// cell makes a text safe inside of a table and of code in Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", "¦", "`", "'", "<", "‹", ">", "›").Replace(plaintext.Field(s))
}

// indented returns a text as a block of code in Markdown, which nothing in it can end.
func indented(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }

// finding is an entry of GitLab's code quality report
// (https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format).
type finding struct {
	Description string   `json:"description"`
	Check       string   `json:"check_name"`
	Fingerprint string   `json:"fingerprint"`
	Severity    string   `json:"severity"`
	Location    location `json:"location"`
}

type location struct {
	Path  string `json:"path"`
	Lines struct {
		Begin int `json:"begin"`
	} `json:"lines"`
}

// writeQuality writes a finding for each place. GitLab needs a file: an error without a place is shown at go.mod.
func (s Service) writeQuality(target, text string) error {
	list := []finding{}
	if text != "" {
		for _, p := range s.places(text) {
			sum := sha256.Sum256([]byte(p.file + "\x00" + p.text))
			f := finding{p.text, "fromscratch/" + target, hex.EncodeToString(sum[:16]), "blocker", location{Path: p.file}}
			if p.file == "" {
				f.Location.Path, _ = s.file("go.mod")
			}
			f.Location.Lines.Begin = 1
			if n, err := strconv.Atoi(p.line); err == nil {
				f.Location.Lines.Begin = n
			}
			list = append(list, f)
		}
	}
	out, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	path := s.quality
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	return os.WriteFile(path, append(out, '\n'), 0o644)
}
