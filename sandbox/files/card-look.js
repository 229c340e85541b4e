// Turns the page's `appearance` into the frame's own custom properties; no style text is ever taken from outside.

const THEMES = {
  stripe: {},
  flat: { '--border': '#f1f1f4' },
  night: {
    '--primary': '#7ab8ff', '--background': '#30313d', '--text': '#ffffff', '--danger': '#ff9aa8',
    '--secondary': '#c7cad4', '--placeholder': '#b4b8c5', '--border': '#55586a',
  },
};
const VARIABLES = {
  colorPrimary: '--primary',
  colorBackground: '--background',
  colorText: '--text',
  colorDanger: '--danger',
  colorTextSecondary: '--secondary',
  colorTextPlaceholder: '--placeholder',
  inputColorBorder: '--border',
  borderRadius: '--radius',
  fontSizeBase: '--size',
  spacingUnit: '--unit',
  fontFamily: '--family',
};

/** Returns 'dark' or 'light', by the background that results. */
export function wear(appearance = {}) {
  const { style } = document.documentElement;
  for (const name of Object.values(VARIABLES)) style.removeProperty(name);
  const chosen = { ...THEMES[appearance.theme || 'stripe'] };
  const given = appearance.variables || {};
  for (const [name, property] of Object.entries(VARIABLES)) if (given[name]) chosen[property] = given[name];
  // A page that sets its text colour but not these gets them mixed from it, so that they can be read on its background.
  if (given.colorText && !given.colorTextSecondary) chosen['--secondary'] = mixed(given.colorText, 78);
  if (given.colorText && !given.colorTextPlaceholder) chosen['--placeholder'] = mixed(given.colorText, 70);
  if (given.colorText && !given.inputColorBorder) chosen['--border'] = mixed(given.colorText, 35);
  for (const [property, value] of Object.entries(chosen)) style.setProperty(property, String(value));
  const scheme = isDark() ? 'dark' : 'light';
  style.colorScheme = scheme;
  return scheme;
}

const mixed = (colour, share) => `color-mix(in srgb, ${colour} ${share}%, var(--background))`;

function isDark() {
  const [red, green, blue] = (getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g) || [255, 255, 255]).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}
