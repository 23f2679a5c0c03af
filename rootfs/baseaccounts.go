package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// maxAccounts limits the size of a base's passwd and group, in bytes.
const maxAccounts = 16 << 20

// account is a line of passwd(5) or group(5).
type account struct {
	name    string
	id, gid int
	home    string
}

// BaseUsers returns the accounts in a base's /etc/passwd, for [ParseUser], [ParseOwner] and Spec.User. A
// user keeps its home if the base has that folder and the user owns it; any other user's home is dataDir.
func BaseUsers(base ldd.FS, dataDir string) ([]User, error) {
	_, passwd, err := readAccounts(base, "/etc/passwd")
	if err != nil {
		return nil, err
	}
	_, groups, err := readAccounts(base, "/etc/group")
	if err != nil {
		return nil, err
	}
	a := &assembly{Spec: Spec{Base: base}}
	var users []User
	for _, p := range passwd {
		u := User{Name: p.name, UID: p.id, GID: p.gid, Home: dataDir}
		if i := slices.IndexFunc(groups, func(g account) bool { return g.id == p.gid }); i >= 0 {
			u.Group = groups[i].name
		}
		if p.gid == 0 {
			u.Group = "root"
		}
		if a.baseHasFolder(p.home, p.id) {
			u.Home = p.home
		}
		if _, err := u.complete(dataDir); err == nil { // skip accounts that are not valid
			users = append(users, u)
		}
	}
	return users, nil
}

// readAccounts reads /etc/passwd or /etc/group of a base. A missing file counts as empty.
func readAccounts(base ldd.FS, name string) (content string, list []account, err error) {
	text, err := readSmall(base, name, maxAccounts)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("reading %q of the base: %w", name, withoutPath(err))
	}
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Split(line, ":")
		if len(fields) < 3 || fields[0] == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, ok := number(fields[2])
		if !ok {
			continue
		}
		a := account{name: fields[0], id: id}
		if len(fields) >= 6 {
			a.gid, _ = strconv.Atoi(fields[3])
			a.home = fields[5]
		}
		list = append(list, a)
	}
	return string(text), list, nil
}

// readSmall reads a file of a sysroot up to a size limit. It follows links.
func readSmall(sys ldd.FS, name string, limit int64) (text []byte, err error) {
	real, _, err := ldd.Follow(sys, name)
	if err != nil {
		return nil, err
	}
	info, err := sys.Lstat(inFS(real))
	if err == nil && (!info.Mode().IsRegular() || info.Size() > limit) {
		err = fmt.Errorf("it is a %s of %d bytes", kindOf(info.Mode().Type()), info.Size())
	}
	if err != nil {
		return nil, err
	}
	f, err := sys.Open(inFS(real))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, limit))
}

// wantedAccount is an account that the image needs.
type wantedAccount struct {
	account
	line     string
	declared bool // the user lists it in Users
}

// appendAccounts returns the base's file with a line appended for each wanted account that it lacks, "" if
// it lacks none. If a declared account is different in the base, that is an error. Accounts that every
// image has give way to the base's.
func appendAccounts(content string, have []account, want []wantedAccount, what string) (string, error) {
	var lines []string
	for _, w := range want {
		byName := slices.IndexFunc(have, func(a account) bool { return a.name == w.name })
		byID := slices.ContainsFunc(have, func(a account) bool { return a.id == w.id })
		switch {
		case byName >= 0 && have[byName].id == w.id, byID && !w.declared:
		case byName >= 0 && w.declared:
			return "", fmt.Errorf("the base has the %s %q as %d, and Users has it as %d\nfix: give it the base's number, or another name",
				what, w.name, have[byName].id, w.id)
		case byName >= 0: // the number has no name yet, and the name has another number
			lines = append(lines, strings.Replace(w.line, w.name, w.name+strconv.Itoa(w.id), 1))
		default:
			lines = append(lines, w.line)
		}
	}
	if len(lines) == 0 {
		return "", nil
	}
	if content != "" && !strings.HasSuffix(content, "\n") {
		content += "\n"
	}
	return content + strings.Join(lines, "\n") + "\n", nil
}

// isDeclared reports whether a user is one of Users.
func (a *assembly) isDeclared(name string) bool {
	return slices.ContainsFunc(a.Users, func(u User) bool {
		u, err := u.complete("")
		return err == nil && u.Name == name
	})
}

// addToBase appends the accounts to those of the base.
func (a *assembly) addToBase() error {
	var users, groups []wantedAccount
	for _, u := range a.accounts.users {
		declared := a.isDeclared(u.Name)
		users = append(users, wantedAccount{account{name: u.Name, id: u.UID}, passwdLine(u), declared})
		if !slices.ContainsFunc(groups, func(w wantedAccount) bool { return w.name == u.Group }) {
			groups = append(groups, wantedAccount{account{name: u.Group, id: u.GID}, groupLine(u), declared})
		}
	}
	for _, f := range []struct {
		path, what, reason string
		want               []wantedAccount
	}{
		{"/etc/passwd", "user", "the base's users, and the image's", users},
		{"/etc/group", "group", "the base's groups, and the image's", groups},
	} {
		content, have, err := readAccounts(a.Base, f.path)
		if err != nil {
			return err
		}
		joined, err := appendAccounts(content, have, f.want, f.what)
		if err == nil && joined != "" {
			err = a.replaceBase(f.path, joined, f.reason)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// replaceBase adds a new version of a file of the base. If the base has the file, its owner and mode are
// kept.
func (a *assembly) replaceBase(p, content, reason string) error {
	e := Entry{Path: p, Mode: 0o644, Reason: reason, Source: Bytes([]byte(content))}
	if real, info, ok := a.onBase(p); ok && info.Mode().IsRegular() {
		e.Path, e.Mode = real, info.Mode().Perm()
		e.UID, e.GID = ownerOf(info)
	}
	return a.tree.Add(e)
}

// owners returns all accounts that may own a file.
func (a *assembly) owners() ([]User, error) {
	if a.Base == nil {
		return a.accounts.users, nil
	}
	base, err := BaseUsers(a.Base, a.DataDir)
	return slices.Concat(a.accounts.users, base), err
}
