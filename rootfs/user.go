package rootfs

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// nobody is the number of the user and group that own nothing, as the kernel has it for numbers that
// do not fit, see user_namespaces(7).
const nobody = 65534

// noHome is what passwd(5) files have for users without home; it exists nowhere.
const noHome = "/nonexistent"

// User is an account of the image.
type User struct {
	Name string // "" is "nobody" for 65534, "root" for 0, else "app"
	UID  int    // 0 only for root
	GID  int    // 0 is the same number as UID, unless Group is "root"
	// Group is the name of the group GID; "" is the user's name.
	Group string
	// Home is made and owned by the user, 0755 (0700 for root). "" is /root for root, the data folder
	// for the image's user, /home/NAME for others. "/nonexistent" is not made.
	Home string
}

// nameRule is what shadow-utils accept as a name, and capital letters.
var nameRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`)

// ImageUser returns the user that the program runs as, with all defaults filled in. It fails like
// [Assemble] when the user makes no sense.
func (s Spec) ImageUser() (User, error) {
	a, err := s.begin()
	if err != nil {
		return User{}, err
	}
	return a.accounts.image, nil
}

// complete fills in the defaults; home is for a user who has none of his own.
func (u User) complete(home string) (User, error) {
	if u == (User{Home: u.Home}) || u.Name == "nobody" && u.UID == 0 {
		u.UID = nobody
	}
	if u.Name == "" {
		u.Name = defaultName(u.UID)
	}
	if u.GID == 0 && u.Group != "root" {
		u.GID = u.UID
	}
	if u.Group == "" {
		u.Group = u.Name
	}
	if u.Home == "" {
		u.Home = homeOf(u, home)
	}
	return u, u.check()
}

// defaultName is the name of a user who is known by number only. A cgo program that asks for its own
// user wants one, os/user.Current.
func defaultName(uid int) string {
	switch uid {
	case 0:
		return "root"
	case nobody:
		return "nobody"
	}
	return "app"
}

// homeOf is the home of a user who names none.
func homeOf(u User, home string) string {
	switch {
	case u.UID == 0:
		return "/root"
	case home == "":
		return path.Join("/home", u.Name)
	}
	return home
}

// check says why a user cannot be in passwd(5).
func (u User) check() error {
	switch {
	case !nameRule.MatchString(u.Name):
		return fmt.Errorf("reading user %q: the name is not one of passwd(5)\n"+
			"fix: use letters, digits, \"_\" and \"-\", beginning with a letter", u.Name)
	case !nameRule.MatchString(u.Group):
		return fmt.Errorf("reading user %q: the group %q is not one of group(5)\n"+
			"fix: use letters, digits, \"_\" and \"-\", beginning with a letter", u.Name, u.Group)
	case u.UID < 0 || u.GID < 0 || u.UID > maxID || u.GID > maxID:
		return fmt.Errorf("reading user %q: %d:%d is out of range\nfix: use numbers from 0 to %d",
			u.Name, u.UID, u.GID, maxID)
	case (u.UID == 0) != (u.Name == "root"):
		return fmt.Errorf("reading user %q: UID %d, but 0 is root's alone\n"+
			"fix: give the user another UID, 1000 for example", u.Name, u.UID)
	case (u.GID == 0) != (u.Group == "root"):
		return fmt.Errorf("reading user %q: the group %q has GID %d, but 0 is root's alone\n"+
			"fix: give the group another name or GID", u.Name, u.Group, u.GID)
	case !path.IsAbs(u.Home) || path.Clean(u.Home) != u.Home || strings.ContainsAny(u.Home, ":\n"):
		return fmt.Errorf("reading user %q: the home %q is not an absolute, clean path\n"+
			"fix: write it like \"/home/%s\"", u.Name, u.Home, u.Name)
	}
	return nil
}

// maxID is the highest number for a user that Docker accepts.
const maxID = 1<<31 - 1

// ParseUser reads the user that an image runs as: "uid", "uid:gid", or the name of one of users or of
// "root" and "nobody". A UID alone has the GID that users give it, else the same number. "" is the
// default user. The result is for [Spec.User].
func ParseUser(s string, users []User) (User, error) {
	if s == "" {
		return User{}, nil
	}
	uid, gid, err := parseOwner(s, known(users))
	if err != nil {
		return User{}, fmt.Errorf("reading user %q: %w", s, err)
	}
	for _, u := range known(users) {
		if u.UID == uid && u.GID == gid && u.Name != "nobody" {
			return u, nil
		}
	}
	u := User{UID: uid, GID: gid} // nobody too: as the image's user he lives in the data folder
	if gid == 0 {
		// 0 would mean the UID's number; members of root's group are usual on OpenShift.
		u.Group = "root"
	}
	return u, nil
}

// ParseOwner reads the owner of a file: "uid", "uid:gid", or names of users and their groups instead
// of the numbers; "root" and "nobody" are always known. Without a group it is the user's own, or the
// one with the UID's number. "" is root.
func ParseOwner(s string, users []User) (uid, gid int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	uid, gid, err = parseOwner(s, known(users))
	if err != nil {
		return 0, 0, fmt.Errorf("reading owner %q: %w", s, err)
	}
	return uid, gid, nil
}

// parseOwner is ParseOwner with users that are complete, for errors that do not name s.
func parseOwner(s string, users []User) (uid, gid int, err error) {
	user, group, grouped := strings.Cut(s, ":")
	uid, gid, err = lookUp(user, users)
	if err == nil && grouped {
		gid, err = lookUpGroup(group, users)
	}
	return uid, gid, err
}

// known adds the users that every image has, and fills in the defaults. Users that are wrong are
// reported by [Assemble].
func known(users []User) []User {
	var all []User
	for _, u := range append(users[:len(users):len(users)], User{Name: "root"}, User{}) {
		u, err := u.complete("")
		if err == nil && !slices.ContainsFunc(all, func(o User) bool { return o.Name == u.Name }) {
			all = append(all, u)
		}
	}
	return all
}

// lookUp finds a user by name or number. A number that nobody has is fine, files may belong to it.
func lookUp(user string, users []User) (uid, gid int, err error) {
	uid, isNumber := number(user)
	var names []string
	for _, u := range users {
		if u.Name == user || isNumber && u.UID == uid {
			return u.UID, u.GID, nil
		}
		names = append(names, u.Name)
	}
	if isNumber {
		return uid, uid, nil
	}
	return 0, 0, fmt.Errorf("user %q is none of %q\n"+
		"fix: write \"uid:gid\", or add the user to Users", user, names)
}

// lookUpGroup finds a group by name or number.
func lookUpGroup(group string, users []User) (int, error) {
	if gid, ok := number(group); ok {
		return gid, nil
	}
	var names []string
	for _, u := range users {
		if u.Group == group {
			return u.GID, nil
		}
		names = append(names, u.Group)
	}
	return 0, fmt.Errorf("group %q is none of %q\n"+
		"fix: write \"uid:gid\", or add a user with the group to Users", group, names)
}

// number reads a UID or GID.
func number(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}
