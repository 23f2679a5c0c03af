package plugins

// documentRows are the rows for documents, text and files in general.
var documentRows = []row{
	{
		// /etc/magic is for additions. The compiled rules are in one file, and distributions link to it.
		group: "magic", soname: `libmagic\.so\.\d+`,
		files: []data{
			{pattern: "/usr/share/misc/magic.mgc", need: "libmagic-mgc", built: "/usr/share/misc/magic"},
			{pattern: "/usr/share/file/magic.mgc"},
			{pattern: "/etc/{magic,magic.mime}"},
		},
		source: "libmagic(3), file(1)",
	},
	{
		// Character tables for Asian languages; for others, the library's own tables are enough.
		group: "poppler", soname: `libpoppler\.so\.\d+`,
		files:  []data{{pattern: "/usr/share/poppler"}},
		source: "poppler/GlobalParams.cc; https://poppler.freedesktop.org/",
	},
	{
		group: "ghostscript", soname: `libgs\.so\.\d+`,
		plugins: []string{"<lib>/ghostscript/*/*.so"},
		files: []data{
			{pattern: "/usr/share/ghostscript"},
			{pattern: "/var/lib/ghostscript"},
			{pattern: "/usr/share/color/icc/ghostscript"},
			{pattern: "/usr/share/fonts/type1/{urw-base35,gsfonts}"},
		},
		leads:  []string{"/etc/ghostscript"},
		source: "https://ghostscript.readthedocs.io/en/latest/Use.html#how-ghostscript-finds-files",
	},
	{
		group: "tesseract", soname: `libtesseract\.so\.\d+`,
		files:     []data{{pattern: "{/usr/share/tesseract-ocr/*/tessdata,/usr/share/tessdata,/usr/share/tesseract/tessdata}"}},
		otherwise: "it reads no language without its data: apt-get install tesseract-ocr-eng, or add your tessdata to the files and set TESSDATA_PREFIX",
		source:    "tesseract(1), environment variable TESSDATA_PREFIX",
	},
	{
		group: "enchant", soname: `libenchant-2\.so\.\d+`,
		plugins: []string{"<lib>/enchant-2/*.so"},
		files:   []data{{pattern: "/usr/share/{enchant-2,enchant}"}},
		source:  "enchant(5)",
	},
	{
		group: "hunspell", soname: `libhunspell-[\d.]+\.so\.\d+`,
		offers: []offer{{"{/usr/share/hunspell,/usr/share/myspell}", "has the dictionaries: add those of your languages to the files"}},
		source: "hunspell(1), \"DICTIONARY\"",
	},
	{
		// The dictionary is what the configuration names, on Debian through /etc/alternatives.
		group: "mecab", soname: `libmecab\.so\.\d+`,
		texts: []text{{name: "rc", end: "/mecabrc", otherwise: "/etc"}},
		files: []data{{pattern: "<rc>/mecabrc"}},
		settings: []setting{{
			file: "<rc>/mecabrc", keys: []string{"dicdir", "userdic"},
			data: []string{"/var/lib/mecab", "/usr/lib", "/usr/lib64", "/usr/share", "/usr/local/lib"},
		}},
		leads:  []string{"/etc/alternatives/mecab-dictionary"},
		source: "mecab(1); MeCab's src/param.cpp, load_dictionary_resource",
	},
	{
		group: "aspell", soname: `libaspell\.so\.\d+`,
		offers: []offer{{"{/usr/lib/aspell,<lib>/aspell,<lib>/aspell-0.60,/usr/lib64/aspell-0.60}", "has dictionaries and filters: add them to the files"}},
		source: "aspell(1)",
	},
	{
		// Word boundaries in Thai, for text layout.
		group: "thai", soname: `libthai\.so\.\d+`,
		files:  []data{{pattern: "/usr/share/libthai"}},
		source: "libthai's src/thbrk/thbrk.c",
	},
	{
		group: "espeak", soname: `libespeak-ng\.so\.\d+`,
		files:  []data{{pattern: "{<lib>,/usr/share}/espeak-ng-data", need: "espeak-ng-data"}},
		source: "espeak-ng(1), option --path",
	},
}

// geoRows are the rows for maps and measurements.
var geoRows = []row{
	{
		// proj.db defines all coordinate systems; without it the library knows none.
		group: "proj", soname: `libproj\.so\.\d+`,
		texts:  []text{{name: "prefix", end: "/share/proj", otherwise: "/usr"}},
		files:  []data{{pattern: "<prefix>/share/proj/proj.db", need: "proj-data"}, {pattern: "<prefix>/share/proj"}},
		source: "https://proj.org/en/stable/resource_files.html",
	},
	{
		group: "gdal", soname: `libgdal\.so\.\d+`,
		texts:   []text{{name: "prefix", end: "/share/gdal", otherwise: "/usr"}},
		plugins: []string{"<lib>/gdalplugins/*.so", "<lib>/gdalplugins/*/*.so"},
		files:   []data{{pattern: "<lib>/gdalplugins/drivers.ini"}, {pattern: "<prefix>/share/gdal"}},
		source:  "https://gdal.org/en/stable/user/configoptions.html, GDAL_DATA and GDAL_DRIVER_PATH",
	},
	{
		group: "ogdi", soname: `libogdi\.so\.[\d.]+`,
		plugins: []string{"<lib>/ogdi/{*.so,*/*.so}"},
		source:  "ogdi's ogdi/c-api/ecs_util.c; unverified",
	},
	{
		// Filters for compressed data. They exist only if somebody installed them on purpose.
		group: "hdf5", soname: `libhdf5(?:_serial)?\.so\.\d+`,
		texts:   []text{{name: "plugins", end: "/plugins", otherwise: "/usr/local/hdf5/lib/plugin"}},
		plugins: []string{"<plugins>/plugins/*.so", "/usr/local/hdf5/lib/plugin/*.so"},
		source:  "https://support.hdfgroup.org/documentation/hdf5/latest/_h5_p_l__u_g.html; unverified",
	},
}
