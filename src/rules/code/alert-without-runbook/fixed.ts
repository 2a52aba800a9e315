export const alert = {
  name: 'checkout burns its error budget',
  expr: 'burn_rate{slo="checkout"} > 14.4',
  owner: 'team-ordering',
  impact: 'Customers cannot pay; 2 % of the month is gone in an hour.',
  runbook: 'https://wiki.example/runbooks/checkout-burn',
}
