package plugins

// languageRows are the rows for interpreters that are built into a program.
var languageRows = []row{
	{
		// The interpreter does not start without its standard library.
		group: "python", soname: `libpython(3\.\d+)[dmtu]*\.so\.1\.0`,
		plugins: []string{"{<lib>,/usr/lib,/usr/local/lib}/python<1>/lib-dynload/*.so"},
		files:   []data{{pattern: "{<lib>,/usr/lib,/usr/local/lib}/python<1>", need: "libpython3-stdlib"}},
		leads:   []string{"/etc/python<1>"},
		offers:  []offer{{"/usr/lib/python3/dist-packages", "has modules of Debian's packages: add those that you import to the files"}},
		source:  "https://docs.python.org/3/c-api/init_config.html#python-path-configuration",
	},
	{
		group: "perl", soname: `libperl\.so\.5\.\d+`,
		offers: []offer{{"{<lib>/perl,<lib>/perl5,/usr/lib64/perl5,/usr/lib/perl5}", "has modules of Perl, others are below /usr/share/perl and /usr/share/perl5: add what your scripts use to the files"}},
		source: "perlembed(1), perlrun(1)",
	},
	{
		group: "ruby", soname: `libruby(?:-[\d.]+)?\.so\.[\d.]+`,
		offers: []offer{{"{/usr/lib/ruby,<lib>/ruby,/usr/share/ruby}", "has Ruby's standard library: add what your scripts use to the files"}},
		source: "https://docs.ruby-lang.org/en/master/extension_rdoc.html; unverified",
	},
	{
		// Tcl_Init runs init.tcl.
		group: "tcl", soname: `libtcl(8\.\d+|9\.\d+)\.so`,
		files:  []data{{pattern: "{/usr/share/tcltk/tcl<1>,/usr/share/tcl<1>,<lib>/tcl<1>}"}},
		source: "https://www.tcl-lang.org/man/tcl8.6/TclLib/Init.htm",
	},
	{
		group: "java", soname: `libjvm\.so`,
		offers: []offer{{"<lib>/../modules", "is part of a Java installation: add its whole folder, JAVA_HOME, to the files"}},
		source: "https://docs.oracle.com/en/java/javase/21/docs/specs/jni/invocation.html",
	},
}
