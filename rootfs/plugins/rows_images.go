package plugins

// GroupFonts is the group of the font for libraries that draw text.
const GroupFonts = "fonts"

// imageRows are the rows for images.
var imageRows = []row{
	{
		group: "vips", soname: `libvips\.so\.\d+`,
		plugins: []string{"<lib>/vips-modules-*/*.so"},
		source:  "libvips/iofuncs/init.c, vips_load_plugins; https://www.libvips.org/2021/06/04/What's-new-in-8.11.html",
	},
	{
		// ImageMagick opens NAME.la, which names the shared object. Without coders it reads no format at
		// all. Without policy.xml it allows what the build machine forbids.
		group: "imagemagick", soname: `libMagickCore-([67])\.(\w+)\.so\.\d+`,
		plugins: []string{"<lib>/ImageMagick-<1>.*/modules-<2>/{coders,filters}/*.so"},
		files: []data{
			{
				pattern: "<lib>/ImageMagick-<1>.*/modules-<2>/coders/*.la",
				need:    "libmagickwand-dev", built: "/coders",
			},
			{pattern: "<lib>/ImageMagick-<1>.*/modules-<2>/filters/*.la"},
			{pattern: "<lib>/ImageMagick-<1>.*/config-<2>"},
			{pattern: "/etc/ImageMagick-<1>"},
			{pattern: "/usr/share/ImageMagick-<1>"},
		},
		source: "MagickCore/module.c; https://imagemagick.org/script/resources.php",
	},
	{
		group: "graphicsmagick", soname: `libGraphicsMagick-(\w+)\.so\.\d+`,
		plugins: []string{"<lib>/GraphicsMagick-*/modules-<1>/{coders,filters}/*.so"},
		files: []data{
			{pattern: "<lib>/GraphicsMagick-*/modules-<1>/{coders,filters}/*.la"},
			{pattern: "{<lib>,/usr/lib,/usr/share}/GraphicsMagick-*/config"},
		},
		source: "http://www.graphicsmagick.org/GraphicsMagick.html, \"Files\"",
	},
	{
		// loaders.cache lists the paths of the loaders, including librsvg's. The database of MIME types is
		// needed to find the type of an image.
		group: "gdk-pixbuf", soname: `libgdk_pixbuf-2\.0\.so\.\d+`,
		plugins: []string{"<lib>/gdk-pixbuf-2.0/*/loaders/*.so"},
		files: []data{
			{pattern: "<lib>/gdk-pixbuf-2.0/*/loaders.cache"},
			{pattern: "/usr/share/mime/mime.cache"},
		},
		source: "gdk-pixbuf-query-loaders(1)",
	},
	{
		// Debian 12 has all formats in the library, 13 most of them in plugins.
		group: "heif", soname: `libheif\.so\.\d+`,
		plugins: []string{"{<lib>/libheif,<lib>/libheif/plugins}/*.so"},
		source:  "https://github.com/strukturag/libheif#plugins; unverified",
	},
	{
		group: "graphviz", soname: `libgvc\.so\.\d+`,
		plugins: []string{"<lib>/graphviz/libgvplugin_*.so.?"},
		files:   []data{{pattern: "<lib>/graphviz/config[0-9]*"}},
		source:  "dot(1), option -c; lib/gvc/gvconfig.c",
	},
	{
		// /etc/fonts has links to the other folder.
		group: "fontconfig", soname: `libfontconfig\.so\.\d+`,
		files:  []data{{pattern: "/etc/fonts"}, {pattern: "/usr/share/fontconfig/conf.avail"}},
		source: "fonts-conf(5)",
	},
	{
		// One font that covers many scripts, and that the default configuration prefers; else any.
		group: GroupFonts, soname: `libfontconfig\.so\.\d+`,
		files: []data{{
			pattern: "/usr/share/fonts/{truetype/dejavu,dejavu-sans-fonts,dejavu,TTF,truetype/liberation,truetype/liberation2,liberation-sans,liberation,google-noto,noto,truetype/noto,opentype/noto}/{DejaVuSans,LiberationSans-Regular,NotoSans-Regular}.ttf",
			first:   true,
		}, {
			pattern: "/usr/share/fonts/{*,*/*,*/*/*}/{*Sans-Regular,*Sans,*-Regular,*}.{ttf,otf}",
			first:   true, instead: true,
			need:    "fonts-dejavu-core",
			without: "without a font, text is not drawn, or drawn as boxes, and no error says so; your own fonts go to the files, below /usr/share/fonts",
		}},
		source: "fontconfig's conf.d/60-latin.conf",
	},
	{
		group: "gphoto2", soname: `libgphoto2\.so\.\d+`,
		plugins: []string{"<lib>/libgphoto2/*/*.so"},
		source:  "libgphoto2(3), environment variable CAMLIBS",
	},
	{
		group: "gphoto2", soname: `libgphoto2_port\.so\.\d+`,
		plugins: []string{"<lib>/libgphoto2_port/*/*.so"},
		source:  "libgphoto2_port(3), environment variable IOLIBS",
	},
	{
		group: "sane", soname: `libsane\.so\.\d+`,
		plugins: []string{"<lib>/sane/libsane-*.so.?"},
		files:   []data{{pattern: "/etc/sane.d"}},
		source:  "sane-dll(5)",
	},
}
