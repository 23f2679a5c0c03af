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
	image User   // whom the program runs as
	users []User // all, as they are in passwd(5)
}

// newAccounts brings all users together: root first, nobody last, for getpwuid(3) takes the first that
// fits and the image's user may have nobody's number under a better name.
func newAccounts(s Spec) (accounts, error) {
	image, err := s.User.complete(s.DataDir)
	if err != nil {
		return accounts{}, err
	}
	list := []User{image}
	for _, u := range s.Users {
		// Only the image's user lives in the data folder; the others get a home of their own.
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

// join adds a user, unless it is there already. The image's user, who is the first, may be one of the
// others too: his home is the one that counts.
func join(users []User, u User) ([]User, error) {
	for _, o := range users {
		if o.Name == u.Name && o.UID == u.UID && o.GID == u.GID && o.Group == u.Group {
			return users, nil
		}
		// Two names for one number are possible in passwd(5), but which one ls shows is chance.
		if o.Name == u.Name || o.UID == u.UID {
			return nil, fmt.Errorf("reading user %q %d:%d: there is %q %d:%d already\n"+
				"fix: give each user another name and UID", u.Name, u.UID, u.GID, o.Name, o.UID, o.GID)
		}
	}
	return append(users, u), nil
}

// addBuiltin adds the users that every image has, where they are not among the others.
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

// has tells whether there is a user of that name.
func (a *accounts) has(name string) bool {
	for _, u := range a.users {
		if u.Name == name {
			return true
		}
	}
	return false
}

// checkGroups makes sure that a group's name stands for one number.
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

// passwd is the content of /etc/passwd, see passwd(5). Nobody can log in: there is no password and no
// shell.
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

// group is the content of /etc/group, see group(5).
func (a *accounts) group() string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, u := range a.users {
		// Members are not listed: these are the users' own groups, passwd(5) has them already.
		if !seen[u.Group] {
			b.WriteString(groupLine(u) + "\n")
		}
		seen[u.Group] = true
	}
	return b.String()
}

// addAccounts names the users: os/user with cgo has no other place to look, and runc takes HOME from it.
func (a *assembly) addAccounts(context.Context) error {
	if a.Base != nil {
		return a.addToBase()
	}
	if err := a.addFile("/etc/passwd", a.accounts.passwd(), "names the image's users"); err != nil {
		return err
	}
	return a.addFile("/etc/group", a.accounts.group(), "names the image's groups")
}

// addFolders adds the folders that programs expect to be there, and those that the user asks for. The
// latter come first and replace the former: who asks for a /tmp of another mode means it.
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
		// The first one counts: two users may share a home.
		declared[e.Path] = true
		if err := a.tree.Add(e); err != nil {
			return err
		}
	}
	return nil
}

// systemFolders are /tmp, the data folder and the users' homes. Without them os.CreateTemp fails, and so
// does every program that keeps settings or a lock in its home. Nothing else is made: /proc, /dev and
// /sys are mounted by the container's engine.
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
			// what root leaves there is for nobody else
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

// addDir adds a folder that the user asks for. Its layer is that of the user's files, so that the system
// layer stays the one that other services share.
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
