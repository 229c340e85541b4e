// What a card number, a date and a code must look like, in the words of the real element.

const BRANDS = [
  ['visa', /^4/, [16], 3, 'Visa'],
  ['mastercard', /^(5[1-5]|2[2-7])/, [16], 3, 'Mastercard'],
  ['amex', /^3[47]/, [15], 4, 'American Express'],
  ['discover', /^(6011|64|65)/, [16], 3, 'Discover'],
  ['diners', /^3(0|6|8|9)/, [14, 16], 3, 'Diners Club'],
  ['jcb', /^35/, [16], 3, 'JCB'],
  ['unionpay', /^62/, [16, 19], 3, 'UnionPay'],
].map(([id, pattern, lengths, cvc, label]) => ({ id, pattern, lengths, cvc, label }));
const UNKNOWN = { id: 'unknown', pattern: /^/, lengths: [16], cvc: 3, label: '' };

export const digitsOf = (text) => text.replace(/\D/g, '');
export const brandOf = (digits) => BRANDS.find((brand) => digits && brand.pattern.test(digits)) || UNKNOWN;

export function grouped(digits, brand) {
  const groups = brand.id === 'amex' || digits.length === 14 ? /^(\d{1,4})(\d{1,6})?(\d{1,5})?/ : null;
  if (groups) return (digits.match(groups) || []).slice(1).filter(Boolean).join(' ');
  return (digits.match(/\d{1,4}/g) || []).join(' ');
}

function passesLuhn(digits) {
  let sum = 0;
  [...digits].reverse().forEach((digit, index) => {
    const value = Number(digit) * (index % 2 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  });
  return sum % 10 === 0;
}

const problem = (code, message) => ({ type: 'validation_error', code, message });

export function numberProblem(text) {
  const digits = digitsOf(text);
  const brand = brandOf(digits);
  if (digits.length < brand.lengths[0]) return problem('incomplete_number', 'Your card number is incomplete.');
  return brand.lengths.includes(digits.length) && passesLuhn(digits) ? null : problem('invalid_number', 'Your card number is invalid.');
}

export function expiryProblem(text, today = new Date()) {
  const digits = digitsOf(text);
  if (digits.length < 4) return problem('incomplete_expiry', "Your card's expiration date is incomplete.");
  const month = Number(digits.slice(0, 2));
  const year = 2000 + Number(digits.slice(2, 4));
  if (month < 1 || month > 12) return problem('invalid_expiry_month', "Your card's expiration date is invalid.");
  if (year < today.getFullYear()) return problem('invalid_expiry_year_past', "Your card's expiration year is in the past.");
  if (year === today.getFullYear() && month <= today.getMonth()) {
    return problem('invalid_expiry_month_past', "Your card's expiration date is in the past.");
  }
  return year > today.getFullYear() + 50 ? problem('invalid_expiry_year', "Your card's expiration year is invalid.") : null;
}

export function cvcProblem(text, brand) {
  return digitsOf(text).length === brand.cvc ? null : problem('incomplete_cvc', "Your card's security code is incomplete.");
}

export const POSTAL = {
  US: { label: 'ZIP code', hint: '12345', pattern: /^\d{5}(-?\d{4})?$/, mode: 'numeric' },
  CA: { label: 'Postal code', hint: 'M5T 1T4', pattern: /^[A-Za-z]\d[A-Za-z] ?\d[A-Za-z]\d$/, mode: 'text' },
  GB: { label: 'Postal code', hint: 'WS11 1DB', pattern: /^[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2}$/, mode: 'text' },
};

export function postalProblem(text, country) {
  const rule = POSTAL[country];
  if (!rule || rule.pattern.test(text.trim())) return null;
  const name = country === 'US' ? 'ZIP code' : 'postal code';
  return text.trim() ? problem('invalid_zip', `Your ${name} is invalid.`) : problem('incomplete_zip', `Your ${name} is incomplete.`);
}

export const COUNTRIES = [
  ['US', 'United States'], ['AU', 'Australia'], ['AT', 'Austria'], ['BE', 'Belgium'], ['BR', 'Brazil'], ['CA', 'Canada'],
  ['CL', 'Chile'], ['CN', 'China'], ['DK', 'Denmark'], ['EG', 'Egypt'], ['FI', 'Finland'], ['FR', 'France'],
  ['DE', 'Germany'], ['GH', 'Ghana'], ['GR', 'Greece'], ['HK', 'Hong Kong SAR China'], ['IN', 'India'], ['ID', 'Indonesia'],
  ['IE', 'Ireland'], ['IL', 'Israel'], ['IT', 'Italy'], ['JP', 'Japan'], ['KE', 'Kenya'], ['KR', 'South Korea'],
  ['MX', 'Mexico'], ['NL', 'Netherlands'], ['NZ', 'New Zealand'], ['NG', 'Nigeria'], ['NO', 'Norway'], ['PH', 'Philippines'],
  ['PL', 'Poland'], ['PT', 'Portugal'], ['SG', 'Singapore'], ['ZA', 'South Africa'], ['ES', 'Spain'], ['SE', 'Sweden'],
  ['CH', 'Switzerland'], ['TW', 'Taiwan'], ['UA', 'Ukraine'], ['AE', 'United Arab Emirates'], ['GB', 'United Kingdom'],
];
