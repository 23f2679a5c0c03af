package rootfs

import (
	"context"
	"testing"
)

var someUsers = []User{
	{Name: "app", UID: 1000},
	{Name: "web", UID: 1001, GID: 33, Group: "www"},
	{Name: "cloud", UID: 1002, Group: "root"},
}

func TestParseOwner(t *testing.T) {
	tests := []struct {
		in       string
		uid, gid int
	}{
		{"", 0, 0},
		{"0", 0, 0},
		{"root", 0, 0},
		{"65534", 65534, 65534},
		{"65534:65534", 65534, 65534},
		{"nobody", 65534, 65534},
		{"7", 7, 7},
		{"7:0", 7, 0},
		{"1000", 1000, 1000},
		{"1001", 1001, 33}, // the group that the user has
		{"web", 1001, 33},
		{"web:app", 1001, 1000},
		{"web:5", 1001, 5},
		{"5:www", 5, 33},
		{"cloud", 1002, 0},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			if uid, gid, err := ParseOwner(tt.in, someUsers); uid != tt.uid || gid != tt.gid || err != nil {
				t.Errorf("%d:%d, %v, want %d:%d", uid, gid, err, tt.uid, tt.gid)
			}
		})
	}
}

func TestParseOwnerRefuses(t *testing.T) {
	tests := map[string][]string{
		"alice":      {`reading owner "alice": the user "alice" is not one of ["app" "web" "cloud" "root" "nobody"]`, `fix: write "uid:gid"`},
		"app:wheel":  {`the group "wheel" is not one of ["app" "www" "root"`, `fix: write "uid:gid"`},
		":5":         {`user ""`, "fix: "},
		"5:":         {`group ""`, "fix: "},
		"1:2:3":      {`group "2:3"`, "fix: "},
		"-1":         {`user "-1"`, "fix: "},
		"4294967295": {`user "4294967295"`, "fix: "},
	}
	for in, says := range tests {
		t.Run(in, func(t *testing.T) {
			_, _, err := ParseOwner(in, someUsers)
			wantError(t, err, says...)
		})
	}
}

func TestParseUserRefuses(t *testing.T) {
	_, err := ParseUser("alice", nil)
	wantError(t, err, `reading user "alice": the user "alice" is not one of ["root" "nobody"]`, `fix: write "uid:gid"`)
}

func TestImageUser(t *testing.T) {
	tests := []struct {
		name string // as ParseUser reads it
		want User
	}{
		{"", User{"nobody", 65534, 65534, "nobody", "/data"}},
		{"nobody", User{"nobody", 65534, 65534, "nobody", "/data"}},
		{"65534", User{"nobody", 65534, 65534, "nobody", "/data"}},
		{"root", User{"root", 0, 0, "root", "/root"}},
		{"0:0", User{"root", 0, 0, "root", "/root"}},
		{"1234", User{"app", 1234, 1234, "app", "/data"}},
		{"1234:0", User{"app", 1234, 0, "root", "/data"}},
		{"1234:99", User{"app", 1234, 99, "app", "/data"}},
		{"web", User{"web", 1001, 33, "www", "/home/web"}},
		{"1001", User{"web", 1001, 33, "www", "/home/web"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			users := []User{someUsers[1]}
			u, err := ParseUser(tt.name, users)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Spec{User: u, Users: users}.ImageUser()
			if got != tt.want || err != nil {
				t.Errorf("%+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestAccounts(t *testing.T) {
	tests := []struct {
		name                   string
		spec                   Spec
		passwd, group, folders string
	}{
		{"default", Spec{}, `
			root:x:0:0:root:/root:/sbin/nologin
			nobody:x:65534:65534:nobody:/data:/sbin/nologin`, `
			root:x:0:
			nobody:x:65534:`, `
			/data folder 0755 65534:65534 system
			/root folder 0700 0:0 system
			/tmp folder 1777 0:0 system`},
		{"a user and more", Spec{User: someUsers[0], Users: someUsers[1:]}, `
			root:x:0:0:root:/root:/sbin/nologin
			app:x:1000:1000:app:/data:/sbin/nologin
			web:x:1001:33:web:/home/web:/sbin/nologin
			cloud:x:1002:0:cloud:/home/cloud:/sbin/nologin
			nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin`, `
			root:x:0:
			app:x:1000:
			www:x:33:
			nobody:x:65534:`, `
			/data folder 0755 1000:1000 system
			/home folder 0755 0:0 system
			/home/cloud folder 0755 1002:0 system
			/home/web folder 0755 1001:33 system
			/root folder 0700 0:0 system
			/tmp folder 1777 0:0 system`},
		{"root", Spec{User: User{Name: "root"}}, `
			root:x:0:0:root:/root:/sbin/nologin
			nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin`, `
			root:x:0:
			nobody:x:65534:`, `
			/data folder 0755 0:0 system
			/root folder 0700 0:0 system
			/tmp folder 1777 0:0 system`},
		{"nobody's number, another home", Spec{User: User{Name: "me", UID: 65534, Home: "/home/me"}}, `
			root:x:0:0:root:/root:/sbin/nologin
			me:x:65534:65534:me:/home/me:/sbin/nologin
			nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin`, `
			root:x:0:
			me:x:65534:
			nobody:x:65534:`, `
			/data folder 0755 65534:65534 system
			/home folder 0755 0:0 system
			/home/me folder 0755 65534:65534 system
			/root folder 0700 0:0 system
			/tmp folder 1777 0:0 system`},
		{"one of the users, another data folder", Spec{User: User{Name: "app", UID: 1000}, Users: someUsers[:1], DataDir: "/srv/d/"}, `
			root:x:0:0:root:/root:/sbin/nologin
			app:x:1000:1000:app:/srv/d:/sbin/nologin
			nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin`, `
			root:x:0:
			app:x:1000:
			nobody:x:65534:`, `
			/root folder 0700 0:0 system
			/srv folder 0755 0:0 system
			/srv/d folder 0755 1000:1000 system
			/tmp folder 1777 0:0 system`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Certificates.OnlyExtra = true
			tree := assemble(t, tt.spec)
			want(t, text(t, tree, "/etc/passwd"), tt.passwd)
			want(t, text(t, tree, "/etc/group"), tt.group)
			want(t, lines(tree, "/data", "/home", "/root", "/srv", "/tmp"), tt.folders)
		})
	}
}

func TestUsersRefused(t *testing.T) {
	tests := []struct {
		name string
		spec Spec
		says []string
	}{
		{"name", Spec{User: User{Name: "a:b", UID: 5}}, []string{`reading user "a:b"`, "fix: use letters"}},
		{"number as name", Spec{User: User{Name: "5", UID: 5}}, []string{`reading user "5"`, "fix: use letters"}},
		{"group", Spec{User: User{Name: "a", UID: 5, Group: "x y"}}, []string{`the group "x y"`, "fix: use letters"}},
		{"range", Spec{User: User{Name: "a", UID: -5}}, []string{"-5:-5 is out of range", "fix: use numbers from 0 to 2147483647"}},
		{"forgotten UID", Spec{User: User{Name: "a"}}, []string{"it has UID 0, but only the user root has UID 0", "fix: give the user another UID"}},
		{"root with a UID", Spec{User: User{Name: "root", UID: 3}}, []string{"UID 3", "fix: give"}},
		{"root's group", Spec{User: User{Name: "a", UID: 3, GID: 4, Group: "root"}}, []string{"GID 4", "fix: give the group"}},
		{"home", Spec{User: User{Name: "a", UID: 3, Home: "home"}}, []string{`the home "home"`, `fix: write it like "/home/a"`}},
		{"home with colon", Spec{User: User{Name: "a", UID: 3, Home: "/a:b"}}, []string{`the home "/a:b"`, "fix: write"}},
		{"data folder", Spec{DataDir: "data"}, []string{`"data"`, "fix: "}},
		{"same name", Spec{Users: []User{{Name: "a", UID: 3}, {Name: "a", UID: 4}}}, []string{`user "a" 4:4: there is "a" 3:3`, "fix: give each"}},
		{"same UID", Spec{Users: []User{{Name: "a", UID: 3}, {Name: "b", UID: 3}}}, []string{`user "b" 3:3: there is "a" 3:3`, "fix: give each"}},
		{"group with two numbers", Spec{Users: []User{{Name: "a", UID: 3, Group: "g"}, {Name: "b", UID: 4, Group: "g"}}},
			[]string{`the group "g" has GID 3 and 4`, "fix: give one"}},
		{"a group called nobody", Spec{Users: []User{{Name: "a", UID: 3, Group: "nobody"}}}, []string{`the group "nobody"`, "fix: give one"}},
		{"owner of a folder", Spec{Dirs: []Dir{{Path: "/x", Owner: "alice", Reason: "magefile.go:3"}}},
			[]string{`adding "/x" (magefile.go:3)`, `"alice"`, "fix: write"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Certificates.OnlyExtra = true
			_, err := Assemble(context.Background(), tt.spec)
			wantError(t, err, tt.says...)
		})
	}
}
