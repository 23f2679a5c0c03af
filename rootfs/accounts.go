package rootfs

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// accounts are the users and groups of an image.
type accounts struct {
	image User   // the user that the program runs as
	users []User // all users, in the order of passwd(5)
}

// newAccounts collects all users: root first, nobody last. getpwuid(3) takes the first match, and the
// image's user may have nobody's number under a better name.
func newAccounts(s Spec) (accounts, error) {
	image, err := s.User.complete(s.DataDir)
	if err != nil {
		return accounts{}, err
	}
	list := []User{image}
	for _, u := range s.Users {
		// Only the image's user has the data folder as home; each other user gets its own home.
		u, err := u.complete("")
		if err != nil {
			return accounts{}, err
		}
		list = append(list, u)
	}
	a := accounts{image: image}
	for _, u := range list {
		if a.users, err = join(a.users, u); err != nil {
			return accounts{}, err
		}
	}
	a.addBuiltin()
	return a, a.checkGroups()
}

// join adds a user, unless it is there already. The image's user is the first and may be among the others
// too; then the home of the first counts.
func join(users []User, u User) ([]User, error) {
	for _, o := range users {
		if o.Name == u.Name && o.UID == u.UID && o.GID == u.GID && o.Group == u.Group {
			return users, nil
		}
		// passwd(5) allows two names for one number, but then it is undefined which one ls shows.
		if o.Name == u.Name || o.UID == u.UID {
			return nil, fmt.Errorf("reading user %q %d:%d: there is %q %d:%d already\n"+
				"fix: give each user another name and UID", u.Name, u.UID, u.GID, o.Name, o.UID, o.GID)
		}
	}
	return append(users, u), nil
}

// addBuiltin adds root and nobody, which every image has, if they are missing.
func (a *accounts) addBuiltin() {
	if !a.has("root") {
		root := User{Name: "root", Group: "root", Home: "/root"}
		a.users = append([]User{root}, a.users...)
	}
	if !a.has("nobody") {
		u := User{Name: "nobody", UID: nobody, GID: nobody, Group: "nobody", Home: noHome}
		a.users = append(a.users, u)
	}
}

// has reports whether there is a user with this name.
func (a *accounts) has(name string) bool {
	for _, u := range a.users {
		if u.Name == name {
			return true
		}
	}
	return false
}

// checkGroups returns an error if a group name has two numbers.
func (a *accounts) checkGroups() error {
	gids := map[string]int{}
	for _, u := range a.users {
		if gid, ok := gids[u.Group]; ok && gid != u.GID {
			return fmt.Errorf("reading user %q: the group %q has GID %d and %d\n"+
				"fix: give one of the two groups another name", u.Name, u.Group, gid, u.GID)
		}
		gids[u.Group] = u.GID
	}
	return nil
}

// passwd returns the content of /etc/passwd, see passwd(5). Nobody can log in: there are no passwords and
// no shells.
func (a *accounts) passwd() string {
	var b strings.Builder
	for _, u := range a.users {
		b.WriteString(passwdLine(u) + "\n")
	}
	return b.String()
}

func passwdLine(u User) string {
	return fmt.Sprintf("%s:x:%d:%d:%s:%s:/sbin/nologin", u.Name, u.UID, u.GID, u.Name, u.Home)
}

func groupLine(u User) string { return fmt.Sprintf("%s:x:%d:", u.Group, u.GID) }

// group returns the content of /etc/group, see group(5).
func (a *accounts) group() string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, u := range a.users {
		// Members are not listed: these are the users' primary groups, which passwd(5) already has.
		if !seen[u.Group] {
			b.WriteString(groupLine(u) + "\n")
		}
		seen[u.Group] = true
	}
	return b.String()
}

// addAccounts adds /etc/passwd and /etc/group: os/user with cgo reads nothing else, and runc takes HOME
// from it.
func (a *assembly) addAccounts(context.Context) error {
	if a.Base != nil {
		return a.addToBase()
	}
	if err := a.addFile("/etc/passwd", a.accounts.passwd(), "names the image's users"); err != nil {
		return err
	}
	return a.addFile("/etc/group", a.accounts.group(), "names the image's groups")
}

// addFolders adds the folders that programs expect, and those that the user asks for. The user's folders
// come first and replace the others, for example a /tmp with another mode.
func (a *assembly) addFolders(context.Context) error {
	declared := map[string]bool{}
	for _, d := range a.Dirs {
		declared[path.Clean(d.Path)] = true
		if err := a.addDir(d); err != nil {
			return err
		}
	}
	for _, e := range a.systemFolders() {
		if declared[e.Path] || e.Path == "/" || e.Path == noHome || e.Path != a.DataDir && a.baseHasFolder(e.Path, e.UID) {
			continue
		}
		// Two users may share a home; it belongs to the first one.
		declared[e.Path] = true
		if err := a.tree.Add(e); err != nil {
			return err
		}
	}
	return nil
}

// systemFolders returns /tmp, the data folder and the users' homes. Without them, os.CreateTemp fails, and
// so does every program that keeps settings or a lock in its home. No other folder is needed: the container
// engine mounts /proc, /dev and /sys.
func (a *assembly) systemFolders() []Entry {
	image := a.accounts.image
	list := []Entry{
		{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777, Reason: "os.TempDir, for all users"},
		{Path: a.DataDir, Mode: fs.ModeDir | 0o755, UID: image.UID, GID: image.GID,
			Reason: "data of the user " + image.Name},
	}
	for _, u := range a.accounts.users {
		e := Entry{Path: u.Home, Mode: fs.ModeDir | 0o755, UID: u.UID, GID: u.GID,
			Reason: "home of the user " + u.Name}
		if u.UID == 0 {
			// only root may read root's files
			e.Mode = fs.ModeDir | 0o700
		}
		list = append(list, e)
	}
	if a.CacheFor != "" && image.Home != noHome {
		list = append(list, Entry{Path: path.Join(image.Home, ".cache"), Mode: fs.ModeDir | 0o755, UID: image.UID, GID: image.GID,
			Reason: "cache of the user " + image.Name + ": " + a.CacheFor})
	}
	return list
}

// addDir adds a folder that the user asks for. It is in the layer of the user's files, so that other images
// can share the system layer.
func (a *assembly) addDir(d Dir) error {
	if d.Reason == "" {
		d.Reason = "one of Dirs"
	}
	uid, gid := a.accounts.image.UID, a.accounts.image.GID
	if d.Owner != "" {
		owners, err := a.owners()
		if err == nil {
			uid, gid, err = ParseOwner(d.Owner, owners)
		}
		if err != nil {
			return fmt.Errorf("adding %q (%s): %w", d.Path, d.Reason, err)
		}
	}
	if d.Mode == 0 {
		d.Mode = 0o755
	}
	e := Entry{Path: d.Path, Mode: fs.ModeDir | fileMode(d.Mode), UID: uid, GID: gid, Layer: Files, Reason: d.Reason}
	if path.IsAbs(e.Path) {
		e.Path = path.Clean(e.Path)
	}
	return a.tree.Add(e)
}
