package rootfs

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// nobody is the number of the user and group that own nothing. The kernel uses it for numbers that do not
// fit, see user_namespaces(7).
const nobody = 65534

// noHome is the home in passwd(5) of a user without a home. It never exists.
const noHome = "/nonexistent"

// User is an account of the image.
type User struct {
	Name string // "" is "nobody" for UID 65534, "root" for 0 and "app" for others
	UID  int    // 0 only for root
	GID  int    // 0 means the same number as UID, unless Group is "root"
	// Group is the name of the group GID; "" is the user's name.
	Group string
	// Home is created and owned by the user, with mode 0755 (0700 for root). "" is /root for root, the data
	// folder for the image's user, and /home/NAME for others. "/nonexistent" is not created.
	Home string
}

// nameRule matches the names that shadow-utils accepts, and capital letters.
var nameRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`)

// ImageUser returns the user that the program runs as, with all defaults filled in. If the user is not
// valid, it fails as [Assemble] does.
func (s Spec) ImageUser() (User, error) {
	a, err := s.begin()
	if err != nil {
		return User{}, err
	}
	return a.accounts.image, nil
}

// complete fills in the defaults; home is the default for Home.
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

// defaultName returns the name of a user who is known only by number. A cgo program needs a name if it asks
// for its own user, os/user.Current.
func defaultName(uid int) string {
	switch uid {
	case 0:
		return "root"
	case nobody:
		return "nobody"
	}
	return "app"
}

// homeOf returns the home of a user without Home.
func homeOf(u User, home string) string {
	switch {
	case u.UID == 0:
		return "/root"
	case home == "":
		return path.Join("/home", u.Name)
	}
	return home
}

// check returns an error if a user can't be in passwd(5).
func (u User) check() error {
	switch {
	case !nameRule.MatchString(u.Name):
		return fmt.Errorf("reading user %q: the name is not valid in passwd(5)\n"+
			"fix: use letters, digits, \"_\" and \"-\", beginning with a letter", u.Name)
	case !nameRule.MatchString(u.Group):
		return fmt.Errorf("reading user %q: the group %q is not a valid name in group(5)\n"+
			"fix: use letters, digits, \"_\" and \"-\", beginning with a letter", u.Name, u.Group)
	case u.UID < 0 || u.GID < 0 || u.UID > maxID || u.GID > maxID:
		return fmt.Errorf("reading user %q: %d:%d is out of range\nfix: use numbers from 0 to %d",
			u.Name, u.UID, u.GID, maxID)
	case (u.UID == 0) != (u.Name == "root"):
		return fmt.Errorf("reading user %q: it has UID %d, but only the user root has UID 0\n"+
			"fix: give the user another UID, 1000 for example", u.Name, u.UID)
	case (u.GID == 0) != (u.Group == "root"):
		return fmt.Errorf("reading user %q: the group %q has GID %d, but only the group root has GID 0\n"+
			"fix: give the group another name or GID", u.Name, u.Group, u.GID)
	case !path.IsAbs(u.Home) || path.Clean(u.Home) != u.Home || strings.ContainsAny(u.Home, ":\n"):
		return fmt.Errorf("reading user %q: the home %q is not an absolute, clean path\n"+
			"fix: write it like \"/home/%s\"", u.Name, u.Home, u.Name)
	}
	return nil
}

// maxID is the highest user number that Docker accepts.
const maxID = 1<<31 - 1

// ParseUser parses the user that an image runs as: "uid", "uid:gid", or the name of one of users or of
// "root" and "nobody". A UID alone gets the GID from users, else the same number. "" is the default user.
// The result is for [Spec.User].
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
	u := User{UID: uid, GID: gid} // nobody too: as the image's user, its home is the data folder
	if gid == 0 {
		// A GID of 0 means the UID's number, so name the group. OpenShift runs users with root's group.
		u.Group = "root"
	}
	return u, nil
}

// ParseOwner parses the owner of a file: "uid", "uid:gid", or names of users and groups instead of numbers.
// "root" and "nobody" are always known. Without a group it returns the user's own group, or the group with
// the UID's number. "" is root.
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

// parseOwner is ParseOwner for completed users. Its errors do not name s.
func parseOwner(s string, users []User) (uid, gid int, err error) {
	user, group, grouped := strings.Cut(s, ":")
	uid, gid, err = lookUp(user, users)
	if err == nil && grouped {
		gid, err = lookUpGroup(group, users)
	}
	return uid, gid, err
}

// known adds the users that every image has, and fills in the defaults. It skips users that are not valid;
// [Assemble] reports them.
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

// lookUp finds a user by name or number. A number without a user is valid: files may belong to it.
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
	return 0, 0, fmt.Errorf("the user %q is not one of %q\n"+
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
	return 0, fmt.Errorf("the group %q is not one of %q\n"+
		"fix: write \"uid:gid\", or add a user with the group to Users", group, names)
}

// number reads a UID or GID.
func number(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}
