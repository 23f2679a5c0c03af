package plugins

// hardwareDrivers says why drivers are not included.
const hardwareDrivers = "drivers belong to the machine that the image runs on: mount them (NVIDIA's container toolkit does), or add those of Mesa to the libraries"

// mediaRows are the rows for sound, video and graphics hardware.
var mediaRows = []row{
	{
		group: "gstreamer", soname: `libgstreamer-1\.0\.so\.\d+`,
		plugins: []string{"<lib>/gstreamer-1.0/*.so"},
		source:  "gst-launch-1.0(1), environment variable GST_PLUGIN_SYSTEM_PATH",
	},
	{
		// Without alsa.conf, even the default device has no name.
		group: "alsa", soname: `libasound\.so\.\d+`,
		plugins: []string{"<lib>/alsa-lib/*.so"},
		files:   []data{{pattern: "/usr/share/alsa/{alsa.conf,alsa.conf.d,cards,ctl,pcm}"}, {pattern: "/etc/{asound.conf,alsa/conf.d}"}},
		source:  "https://www.alsa-project.org/alsa-doc/alsa-lib/conf.html",
	},
	{
		// How to switch the parts of a card, for programs that ask for it. The topologies beside it are for alsatplg(1).
		group: "alsa", soname: `libasound\.so\.\d+`,
		imported: []string{"snd_use_case_mgr_open"},
		files:    []data{{pattern: "/usr/share/alsa/{ucm,ucm2}"}},
		source:   "https://www.alsa-project.org/alsa-doc/alsa-lib/group__ucm.html",
	},
	{group: "gpu", soname: `libva\.so\.\d+`, offers: []offer{{"<lib>/dri", hardwareDrivers}}, source: "libva's va/va.c, LIBVA_DRIVERS_PATH"},
	{group: "gpu", soname: `libvdpau\.so\.\d+`, offers: []offer{{"<lib>/vdpau", hardwareDrivers}}, source: "libvdpau's src/vdpau_wrapper.c"},
	{group: "gpu", soname: `lib(?:gbm|GLX|EGL)\.so\.\d+`, offers: []offer{{"<lib>/dri", hardwareDrivers}}, source: "https://docs.mesa3d.org/envvars.html, LIBGL_DRIVERS_PATH"},
	{group: "gpu", soname: `libvulkan\.so\.\d+`, offers: []offer{{"/usr/share/vulkan/icd.d", hardwareDrivers}}, source: "https://github.com/KhronosGroup/Vulkan-Loader/blob/main/docs/LoaderDriverInterface.md"},
	{group: "gpu", soname: `libOpenCL\.so\.\d+`, offers: []offer{{"/etc/OpenCL/vendors", hardwareDrivers}}, source: "https://github.com/OCL-dev/ocl-icd"},
	{group: "gpu", soname: `lib(?:mfx|mfxhw64|vpl)\.so\.\d+`, offers: []offer{{"<lib>/mfx", hardwareDrivers}}, source: "https://github.com/Intel-Media-SDK/MediaSDK"},
	{
		// The plugins draw text in windows with OpenGL and X11.
		group: "caca", soname: `libcaca\.so\.\d+`,
		offers: []offer{{"<lib>/caca", "draws in windows with OpenGL and X11: add the plugins to the libraries"}},
		source: "libcaca's caca/graphics.c",
	},
	{
		group: "pipewire", soname: `libpipewire-0\.3\.so\.\d+`,
		offers: []offer{{"<lib>/spa-0.2", "talks to a server, which an image FROM scratch does not have: add it and <lib>/pipewire-0.3 to the files if yours has one"}},
		source: "pipewire(1)",
	},
	{
		group: "onnxruntime", soname: `libonnxruntime\.so\..*`,
		plugins: []string{"<lib>/libonnxruntime_providers_*.so"},
		source:  "https://onnxruntime.ai/docs/build/eps.html; unverified",
	},
}

// desktopRows are the rows for programs with windows.
var desktopRows = []row{
	{
		// GIO gets TLS from the module of glib-networking.
		group: "gio", soname: `libgio-2\.0\.so\.\d+`,
		plugins: []string{"<lib>/gio/modules/*.so"},
		files:   []data{{pattern: "<lib>/gio/modules/giomodule.cache"}},
		source:  "gio-querymodules(1)",
	},
	{
		// GSettings aborts the program if it asks for a missing schema.
		group: "gsettings", soname: `libgio-2\.0\.so\.\d+`,
		imported: []string{"g_settings_new", "g_settings_new_with_path", "g_settings_new_full"},
		files:    []data{{pattern: "/usr/share/glib-2.0/schemas/gschemas.compiled"}},
		source:   "glib-compile-schemas(1)",
	},
	{
		group: "qt", soname: `libQt([56])Gui\.so\.[56]`,
		plugins: []string{"{<lib>/qt<1>,<lib>/qt}/plugins/{platforms,imageformats,iconengines,platforminputcontexts,platformthemes,xcbglintegrations,egldeviceintegrations,generic}/*.so"},
		source:  "https://doc.qt.io/qt-6/deployment-plugins.html",
	},
	{
		group: "qt", soname: `libQt([56])Network\.so\.[56]`,
		plugins: []string{"{<lib>/qt<1>,<lib>/qt}/plugins/{tls,networkinformation,bearer}/*.so"},
		source:  "https://doc.qt.io/qt-6/deployment-plugins.html; unverified",
	},
	{
		group: "qt", soname: `libQt([56])Sql\.so\.[56]`,
		plugins: []string{"{<lib>/qt<1>,<lib>/qt}/plugins/sqldrivers/*.so"},
		source:  "https://doc.qt.io/qt-6/sql-driver.html; unverified",
	},
	{
		group: "gtk", soname: `lib(?:gtk|gdk)-3\.so\.\d+`,
		offers: []offer{{"<lib>/gtk-3.0", "has input methods and print backends: add those that you use to the libraries"}},
		source: "gtk-query-immodules-3.0(1)",
	},
	{
		group: "gtk", soname: `libgtk-4\.so\.\d+`,
		offers: []offer{{"<lib>/gtk-4.0", "has media and print backends: add those that you use to the libraries"}},
		source: "https://docs.gtk.org/gtk4/running.html",
	},
	{
		group: "gtk", soname: `lib(?:gtk|gdk)-x11-2\.0\.so\.\d+`,
		offers: []offer{{"<lib>/gtk-2.0", "has themes and input methods: add those that you use to the libraries"}},
		source: "gtk-query-immodules-2.0(1)",
	},
	{
		group: "xkb", soname: `libxkbcommon\.so\.\d+`,
		offers: []offer{{"/usr/share/X11/xkb", "has the layouts of keyboards: a program that takes input needs it among the files"}},
		source: "https://xkbcommon.org/doc/current/xkb-intro.html",
	},
	{
		group: "webkit", soname: `lib(?:webkit2gtk|webkitgtk)-[\d.]+\.so\.\d+`,
		refused: &Refusal{
			Why: "WebKit starts helper programs, which need a closure and accounts of their own",
			Fix: "use a base image with WebKit installed; or add what is in its folder to the files and exclude the group \"webkit\"",
		},
		source: "https://webkitgtk.org/reference/webkit2gtk/stable/; unverified",
	},
}
