package dockerfilespec

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dockerfile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// copied is a file or folder of the user's on its way into the image.
type copied struct {
	to       string // in the image, without links
	folder   bool
	owner    string // "uid:gid"; "" is root
	uid, gid int
	mode     fs.FileMode // that was asked for; zero was none
}

// userFiles says how the user's files come about, and then corrects what is not as the tree has it.
func (w *writing) userFiles(context.Context) error {
	var all []copied
	for _, f := range w.Plan.Files.Files {
		list, err := w.copies(f)
		if err != nil {
			return err
		}
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil
	}
	s := &section{}
	for _, c := range all {
		c.commands(s)
	}
	w.correct(s, all)
	w.capabilities(s)
	w.spec.Files.Commands = s.commands
	return nil
}

// copies are the COPY instructions of a File.
func (w *writing) copies(f rootfs.File) ([]copied, error) {
	matches, err := w.Plan.Files.Matches(f)
	if err != nil {
		return nil, &report.ConfigError{Err: fmt.Errorf("copying %q (%s): %w", f.From, f.Reason, err)}
	}
	uid, gid, err := rootfs.ParseOwner(f.Owner, append(slices.Clone(w.Plan.Files.Users), w.Plan.Files.User))
	if err != nil {
		return nil, err
	}
	var all []copied
	for _, m := range matches {
		rel, err := w.taken("Files", m)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(m)
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", m, err)
		}
		to := path.Clean(f.To)
		if len(matches) > 1 || !info.IsDir() && strings.HasSuffix(f.To, "/") {
			to = path.Join(to, filepath.Base(m))
		}
		c := copied{to: w.placed(to), folder: info.IsDir(), uid: uid, gid: gid, mode: f.Mode}
		if uid != 0 || gid != 0 {
			c.owner = fmt.Sprintf("%d:%d", uid, gid)
		}
		all = append(all, c)
		from, at := rel, c.to
		if c.folder {
			from, at = from+"/", strings.TrimSuffix(at, "/")+"/"
		}
		w.spec.Files.Copies = append(w.spec.Files.Copies, dockerfile.Copy{From: from, To: at})
		w.spec.Ignore.Paths = append(w.spec.Ignore.Paths, rel)
	}
	return all, nil
}

// placed takes the links of the tree out of a path.
func (w *writing) placed(name string) string {
	at := ""
	for _, word := range strings.Split(strings.Trim(name, "/"), "/") {
		at += "/" + word
		for range 40 { // links, as many as Linux follows
			e, ok := w.Tree.Lookup(at)
			if !ok || e.Mode.Type() != fs.ModeSymlink || at == name {
				break
			}
			if path.IsAbs(e.Link) {
				at = path.Clean(e.Link)
			} else {
				at = path.Join(path.Dir(at), e.Link)
			}
		}
	}
	return at
}

// commands give what was copied its owner and mode: those of a checkout are chance.
func (c copied) commands(s *section) {
	at := dockerfile.Shell(stageRoot + c.to)
	switch {
	case c.mode == 0 && c.folder:
		s.add("", "chmod -R u=rwX,go=rX %s", at)
	case c.mode == 0:
		s.add("", "chmod u=rwX,go=rX %s", at)
	case !c.folder:
		s.add("", "chmod %04o %s", unixBits(c.mode), at)
	default:
		s.add("", "find %s -type d -exec chmod %04o {} + -o -type f -exec chmod %04o {} +", at, unixBits(folderMode(c.mode)), unixBits(c.mode))
	}
	if c.owner != "" {
		s.add("", "chown -Rh %s %s", c.owner, at)
	}
}

// folderMode is that of a folder among files of a mode: x where r is.
func folderMode(m fs.FileMode) fs.FileMode { return m.Perm() | m&0o444>>2 }

// unixBits are the bits of chmod(2), of a mode in Go's or in people's words.
func unixBits(m fs.FileMode) int64 {
	e := rootfs.Entry{Mode: m & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)}
	return e.Header().Mode | int64(m)&0o7000
}

// correct adds commands for what is not yet as the tree has it: folders that the image has by itself and files are put
// into, and what several Files have made together.
func (w *writing) correct(s *section, all []copied) {
	for _, e := range w.Tree.Entries() {
		if e.Mode.Type() == fs.ModeSymlink {
			continue
		}
		if e.Mode.IsDir() && !w.holdsFiles(e.Path) || !e.Mode.IsDir() && (e.Layer != rootfs.Files) {
			continue
		}
		uid, gid, mode := 0, 0, int64(0o755)
		if i := lastCopied(all, e); i >= 0 {
			uid, gid = all[i].uid, all[i].gid
			if mode = e.Header().Mode; all[i].mode != 0 && e.Mode.IsDir() {
				mode = unixBits(folderMode(all[i].mode))
			} else if all[i].mode != 0 {
				mode = unixBits(all[i].mode)
			} else if e.Mode.IsDir() {
				mode = 0o755
			}
		}
		if e.UID == uid && e.GID == gid && e.Header().Mode == mode {
			continue
		}
		if e.Mode.IsDir() {
			s.add("", "%s", installFolder(e))
			continue
		}
		at := dockerfile.Shell(stageRoot + e.Path)
		s.add("", "chmod %04o %s", e.Header().Mode, at)
		s.add("", "chown %d:%d %s", e.UID, e.GID, at)
	}
}

// capabilities gives files their capabilities. This comes last: the kernel removes them when a file gets another owner.
func (w *writing) capabilities(s *section) {
	for _, e := range w.Tree.Entries() {
		if e.Layer == rootfs.Files && e.Capabilities != 0 {
			s.add("", "setcap %s", dockerfile.Words(setcap(e.Capabilities), stageRoot+e.Path))
		}
	}
}

// setcap returns capabilities as setcap(8) takes them, "" for none.
func setcap(c rootfs.Capabilities) string {
	if c == 0 {
		return ""
	}
	return c.String() + "=ep"
}

// lastCopied is the last of what was copied that an entry is of, -1 for none.
func lastCopied(all []copied, e rootfs.Entry) int {
	for i, c := range slices.Backward(all) {
		if c.to == e.Path || c.folder && (c.to == "/" || strings.HasPrefix(e.Path, c.to+"/")) {
			return i
		}
	}
	return -1
}

// holdsFiles tells whether a folder has some of the user's files below it.
func (w *writing) holdsFiles(dir string) bool {
	return slices.ContainsFunc(w.Tree.Entries(), func(e rootfs.Entry) bool {
		return e.Layer == rootfs.Files && !e.Mode.IsDir() && strings.HasPrefix(e.Path, dir+"/")
	}) || w.ofFilesPath(dir)
}

// ofFiles tells whether a folder is there only because the user's files have it.
func (w *writing) ofFiles(e rootfs.Entry) bool {
	return e.Layer == rootfs.Files && w.ofFilesPath(e.Path)
}

func (w *writing) ofFilesPath(dir string) bool {
	for _, f := range w.Plan.Files.Files {
		to := w.placed(path.Clean(f.To))
		if dir == to || strings.HasPrefix(dir, strings.TrimSuffix(to, "/")+"/") {
			return true
		}
	}
	return false
}

// run says how the image is run.
func (w *writing) run(context.Context) error {
	i := w.Plan.Config
	w.spec.Run = dockerfile.Run{
		Entrypoint: i.Entrypoint, Cmd: i.Cmd, Env: i.Env, User: i.User, Workdir: i.Workdir,
		Ports: i.Ports, Volumes: i.Volumes, Labels: i.Labels, StopSignal: i.StopSignal,
	}
	if h := i.Healthcheck; h != nil {
		w.spec.Run.Healthcheck = &dockerfile.Healthcheck{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
		}
		if h.StartInterval != 0 {
			w.remark("--start-interval wants Docker 25 or later.")
		}
	}
	slices.Sort(w.spec.Ignore.Paths)
	w.spec.Ignore.Paths = slices.Compact(w.spec.Ignore.Paths)
	return nil
}
