package plugins

import "regexp"

// GroupGconv is the group of the C library's character sets.
const GroupGconv = "gconv"

// systemRows are the rows for the C library and low-level libraries.
var systemRows = []row{
	{
		// Only ASCII, UTF-8, UCS and the C library's wide characters are built in.
		group: GroupGconv, soname: `libc\.so\.6`,
		imported: []string{"iconv_open"},
		// These convert from and to the character set of the locale, which is ASCII or UTF-8 in an image, unless
		// others ask them for more: libstdc++'s config/locale/gnu/numeric_members.cc; libidn2's and libunistring's
		// localcharset.c; idn_stringprep in libidn's stringprep.c; psl_str_to_utf8lower; popt's poptint.c;
		// PulseAudio's pulse/utf8.c.
		wrappers: []wrapper{
			{soname: regexp.MustCompile(`^libstdc\+\+\.so\.6$`)},
			{soname: regexp.MustCompile(`^libidn2\.so\.\d+$`)},
			{soname: regexp.MustCompile(`^libpopt\.so\.\d+$`)},
			{soname: regexp.MustCompile(`^libpulse(common-[\d.]+)?\.so(\.\d+)?$`)},
			{soname: regexp.MustCompile(`^libidn\.so\.\d+$`), symbols: []string{"stringprep_convert"}},
			{soname: regexp.MustCompile(`^libpsl\.so\.\d+$`), symbols: []string{"psl_str_to_utf8lower"}},
			{soname: regexp.MustCompile(`^libunistring\.so\.\d+$`), symbols: []string{
				"u8_conv_from_encoding", "u8_conv_to_encoding", "u8_strconv_from_encoding", "u8_strconv_to_encoding",
				"u16_conv_from_encoding", "u16_conv_to_encoding", "u16_strconv_from_encoding", "u16_strconv_to_encoding",
				"u32_conv_from_encoding", "u32_conv_to_encoding", "u32_strconv_from_encoding", "u32_strconv_to_encoding",
			}},
		},
		texts:   []text{{name: "libdir", end: "/gconv", otherwise: "<lib>"}},
		plugins: []string{"<libdir>/gconv/*.so"},
		files: []data{
			{pattern: "<libdir>/gconv/gconv-modules"},
			{pattern: "<libdir>/gconv/gconv-modules.d"},
			{pattern: "<libdir>/gconv/gconv-modules.cache"},
		},
		source: "glibc's iconv/gconv_conf.c; iconvconfig(8)",
	},
	{
		// "C" and "POSIX" are built in. C.UTF-8 consists of files: upstream since glibc 2.35, and earlier on
		// Debian and Fedora.
		group: "locale", soname: `libc\.so\.6`,
		imported: []string{"setlocale", "newlocale"},
		texts:    []text{{name: "locales", end: "/locale-archive", otherwise: "/usr/lib/locale"}},
		files:    []data{{pattern: "<locales>/{C.utf8,C.UTF-8}"}},
		source:   "locale(7); glibc's locale/loadarchive.c and localedata/locales/C",
	},
	{
		// The image's nsswitch.conf needs "files" and "dns". Since 2.34 both are built into libc.
		group: "nss", soname: `libc\.so\.6`,
		oldNSS: true,
		imported: []string{
			"getaddrinfo", "gethostbyname", "gethostbyname_r", "gethostbyname2_r", "gethostbyaddr", "gethostbyaddr_r", "getnameinfo",
			"getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getgrnam", "getgrnam_r", "getgrgid", "getgrgid_r", "getgrouplist",
			"initgroups", "getservbyname", "getservbyname_r", "getservbyport", "getprotobyname", "getprotobyname_r",
		},
		plugins: []string{"<lib>/libnss_{files,dns}.so.2"},
		source:  "nsswitch.conf(5); https://sourceware.org/git/?p=glibc.git;a=commit;h=6212bb67f4",
	},
	{
		// Terminal capabilities, for programs that read lines or draw. Only common terminals are included.
		group: "terminfo", soname: `lib(?:tinfo|ncurses)w?\.so\.\d+`,
		imported: []string{"setupterm", "tgetent", "initscr", "newterm"},
		files: []data{
			{pattern: "{/etc,/lib,/usr/share}/terminfo/{a/ansi,d/dumb,l/linux,r/rxvt,s/screen,s/screen-256color,t/tmux,t/tmux-256color,v/vt100,v/vt220,x/xterm,x/xterm-256color,x/xterm-color}"},
		},
		source: "terminfo(5)",
	},
	{
		group: "pam", soname: `libpam\.so\.\d+`,
		refused: &Refusal{
			Why: "PAM checks passwords with modules and rules (/etc/pam.d, LIBDIR/security) that belong to one machine and its accounts",
			Fix: "build the program without PAM; or add the rules to the files, the modules to the libraries, and exclude the group \"pam\"",
		},
		source: "pam(7), pam.conf(5)",
	},
	{
		// PKCS #11 modules. GnuTLS uses one to read Fedora's trust store.
		group: "p11-kit", soname: `libp11-kit\.so\.\d+`,
		texts:   []text{{name: "modules", end: "/pkcs11", otherwise: "<lib>"}},
		plugins: []string{"<modules>/pkcs11/p11-kit-trust.so"},
		files:   []data{{pattern: "/usr/share/p11-kit/modules"}, {pattern: "/etc/pkcs11"}},
		source:  "pkcs11.conf(5)",
	},
	{
		// All modules that are registered. Most libraries that link p11-kit ask for none of them.
		group: "p11-kit", soname: `libp11-kit\.so\.\d+`, direct: true,
		texts: []text{{name: "modules", end: "/pkcs11", otherwise: "<lib>"}},
		settings: []setting{{
			file: "{/usr/share/p11-kit/modules,/etc/pkcs11/modules}/*.module", sep: ":", keys: []string{"module"},
			libraries: []string{"<modules>/pkcs11"},
		}},
		source: "pkcs11.conf(5)",
	},
	{
		// The plugins are optional: without them the library still works as a client of a key distribution centre.
		group: "krb5", soname: `libkrb5\.so\.\d+`,
		texts:   []text{{name: "plugins", end: "/krb5/plugins", otherwise: "<lib>"}},
		plugins: []string{"<plugins>/krb5/plugins/*/*.so"},
		offers:  []offer{{"/etc/krb5.conf", "names your realm and its servers: add it to the files, or mount it"}},
		source:  "krb5.conf(5), \"plugin_base_dir\"; https://web.mit.edu/kerberos/krb5-latest/doc/admin/conf_files/krb5_conf.html",
	},
	{
		group: "sasl", soname: `libsasl2\.so\.\d+`,
		plugins:   []string{"<lib>/sasl2/*.so"},
		otherwise: "it has no mechanisms but EXTERNAL: apt-get install libsasl2-modules",
		source:    "https://www.cyrusimap.org/sasl/sasl/components.html#plug-ins; Debian's list of folders in the library",
	},
	{
		group: "ibverbs", soname: `libibverbs\.so\.\d+`,
		offers: []offer{{"<lib>/libibverbs", "drivers of InfiniBand hardware: add those of the machine that the image runs on to the libraries"}},
		source: "ibv_get_device_list(3)",
	},
	{
		// Names without a folder are looked for in the library's own folder too.
		group: "odbc", soname: `lib(?:odbc|iodbc)\.so\.\d+`,
		files:     []data{{pattern: "{/etc,/etc/unixODBC}/odbcinst.ini"}},
		settings:  []setting{{file: "{/etc,/etc/unixODBC}/odbcinst.ini", keys: []string{"driver", "driver64"}, libraries: []string{"<lib>/odbc"}}},
		otherwise: "it has no driver of a database: install one in the sysroot that /etc/odbcinst.ini names, or add your odbcinst.ini to the files and its drivers to the libraries",
		source:    "odbcinst.ini(5); lt_dlopen in unixODBC's DriverManager/SQLConnect.c",
	},
	{
		// Libraries such as poppler link it for signatures alone, so only programs that use it themselves are told.
		group: "gpgme", soname: `libgpgme(?:-glib|-pthread)?\.so\.\d+`, direct: true,
		refused: &Refusal{
			Why: "GPGME starts /usr/bin/gpg and gpg-agent, which the image does not have",
			Fix: "add /usr/bin/gpg, gpgconf, gpg-agent and what they need to the files and exclude the group \"gpgme\"; or verify signatures in Go",
		},
		source: "https://www.gnupg.org/documentation/manuals/gpgme/Engine-Configuration.html",
	},
	{
		// The tokens are keys of one machine, and on Debian only the group softhsm may read the configuration.
		group: "softhsm", soname: `libsofthsm2\.so`,
		offers: []offer{{"", "keeps its tokens in a folder that its configuration names: add a softhsm2.conf with \"directories.tokendir = /data/tokens\" to the files as /etc/softhsm/softhsm2.conf, and /data/tokens to the Dirs; or exclude the group \"softhsm\""}},
		source: "softhsm2.conf(5)",
	},
	{
		// One of them is caching_sha2_password, the default of MySQL 8.
		group: "mariadb", soname: `libmariadb\.so\.\d+`,
		texts:   []text{{name: "plugins", end: "/plugin", otherwise: "<lib>/mariadb"}},
		plugins: []string{"<plugins>/plugin/*.so"},
		source:  "https://mariadb.com/kb/en/client-authentication-plugins/; unverified",
	},
}

// cryptoRows are the rows for cryptography.
var cryptoRows = []row{
	{
		group: "openssl", soname: `libcrypto\.so\.[\d.]+`,
		texts: []text{
			{name: "dir", begin: `OPENSSLDIR: "`, end: `"`, otherwise: "/etc/ssl"},
			{name: "modules", begin: `MODULESDIR: "`, end: `"`, otherwise: "<lib>/ossl-modules"},
			{name: "engines", begin: `ENGINESDIR: "`, end: `"`, otherwise: "<lib>/engines-3"},
		},
		plugins: []string{"<modules>/*.so", "<engines>/*.so"},
		files: []data{
			{pattern: "<dir>/{openssl.cnf,fipsmodule.cnf}"},
			{pattern: "/etc/crypto-policies/back-ends/{openssl,opensslcnf}.config"}, // Fedora's openssl.cnf includes them
		},
		leads:  []string{"<dir>", "/etc/ssl", "/etc/pki", "/etc/crypto-policies"}, // Debian's <dir> has links to /etc/ssl
		source: "https://docs.openssl.org/master/man7/openssl-env; config(5ssl); provider(7ssl)",
	},
	{
		// In FIPS mode its tokens check themselves against the checksums in the .chk files.
		group: "nss-crypto", soname: `libnss3\.so`,
		plugins: []string{"{<lib>,<lib>/nss}/lib{softokn3,freebl3,freeblpriv3,nssckbi,nssdbm3}.so"},
		files:   []data{{pattern: "{<lib>,<lib>/nss}/lib{softokn3,freebl3,freeblpriv3,nssdbm3}.chk"}},
		source:  "NSS's lib/pk11wrap/pk11load.c and lib/freebl/loader.c, https://firefox-source-docs.mozilla.org/security/nss/",
	},
	{
		// Fedora's GnuTLS takes its defaults from the system's crypto policy.
		group: "gnutls", soname: `libgnutls\.so\.\d+`,
		files: []data{
			{pattern: "/etc/gnutls/{config,pkcs11.conf}"},
			{pattern: "/etc/crypto-policies/back-ends/gnutls.config"},
		},
		source: "https://www.gnutls.org/manual/html_node/System_002dwide-configuration-of-the-library.html; unverified",
	},
}
